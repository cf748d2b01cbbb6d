"""What can be done with the folder of a replica that does not run: look at it, take its data out.

`stopped` reads such a folder; `inspect` and `export` are programs of kvrmi-server, and
`kvrmi-cluster recover` makes a new cluster of one.
"""
