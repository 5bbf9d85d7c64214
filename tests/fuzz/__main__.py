"""python -m tests.fuzz: Django is set up before anything that needs it is imported."""

import sys

from tests.matrix.environment import prepare

prepare()

from .run import main  # noqa: E402

sys.exit(main())
