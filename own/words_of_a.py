from toy_vocabulary import AbstractEnergy

from dsl.registry import family

pytestmark = pytest.mark.usefixtures("toy")


class Cubic(AbstractEnergy):
    """Minus the cube of the distance."""

    scale: float = 1.0


family("energy", Cubic)
