from dsl.registry import family


def f(a: int = 1):
    pass


family("energy", f)
