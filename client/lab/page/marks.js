// Which marks above the scrubber are drawn: what would stand on another is left out. Pure.

/** Pixels from one mark to the next, at least. */
export const APART = 6;

/** Of steps in their order, those whose marks stand apart on a scrubber of so many steps and pixels; the first always. */
export function thinned(steps, last, width) {
  const place = (step) => step / Math.max(1, last) * width, kept = [];
  for (const step of steps) {
    if (kept.length === 0 || place(step) - place(kept.at(-1)) >= APART) kept.push(step);
  }
  return kept;
}
