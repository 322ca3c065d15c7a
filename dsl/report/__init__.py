"""Tables and figures from run folders: `python -m dsl.report RUNS... --out DIR`.

data/      what was run, what differs between runs, scores with intervals, trained policies
figures/   plots of recorded metrics and of trained networks
document/  the report as files: its page, its tables, copies of figures for runs and Aim
"""
