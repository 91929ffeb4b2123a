"""In what order and when.

pipeline.py   list → note → fetch → read → match → save, for one source
shift.py      the sources due within a stretch of time, polled and delivered by one process
archive.py    walks through a source's past
deliver.py    due notifications → messages → channels
workshop.py   settings made into parts: store, fetcher, sources, rules, channels
owner.py      who holds a lease, and whether they still live
deployed.py   the same as Prefect flows          up.py   server, deployments and worker in one command
cli.py        the `didban` command
"""
