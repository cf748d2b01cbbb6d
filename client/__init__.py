"""The client program: commands, one at a time, from a pipe or typed; and a benchmark."""
