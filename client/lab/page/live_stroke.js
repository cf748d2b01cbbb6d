// A line drawn with the mouse or a finger: which links it crosses. The geometry is pure.

/** The links whose line the stroke (points) crosses; `places` are the replicas'. */
export function crossed(stroke, all, places) {
  const steps = stroke.slice(1).map((point, index) => [stroke[index], point]);
  return all.filter(({ one, other }) => {
    const a = places.get(one), b = places.get(other);
    return a && b && steps.some(([from, to]) => cross(a, b, from, to));
  });
}

function cross(a, b, c, d) {
  const side = (p, q, r) => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** Follow strokes that begin on the empty stage; `done` gets the points of one. */
export function follow(stage, path, done) {
  let points = null;
  const here = ({ clientX, clientY }) => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("article, .link")) return;
    points = [here(event)];
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (points === null) return;
    points.push(here(event));
    path.setAttribute("d", `M${points.map(({ x, y }) => `${x.toFixed(0)} ${y.toFixed(0)}`).join("L")}`);
  });
  const end = (take) => () => {
    const drawn = points;
    points = null;
    path.setAttribute("d", "");
    if (take && drawn !== null && drawn.length > 1) done(drawn);
  };
  stage.addEventListener("pointerup", end(true));
  stage.addEventListener("pointercancel", end(false));
}
