"""Tables and figures from run folders: `python -m dsl.report RUNS... --out DIR`.

runs.py, comparison.py    what was run, and what differs between the runs
statistics.py, scores.py  interquartile means, intervals, tables
curves.py, scaling.py, heat_map.py            figures of the recorded metrics
landscape.py, embeddings.py, block_norms.py   figures of trained networks
"""
