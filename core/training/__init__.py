"""Training runs: their folder, their events, their state, and the backends that carry them out. No torch in here.

The whole surface: `Job`, `prepare`, `start`, `follow`, `state`, `pause`, `cancel`, `resume`; `mini.build`; and for
what runs leave behind `preview`, `merge`, `card`, `write_card`, `lineage`.
"""

from core.training import mini as mini
from core.training.events import Event as Event
from core.training.history import History as History
from core.training.job import Job as Job
from core.training.models import Preview as Preview
from core.training.models import card as card
from core.training.models import fingerprint as fingerprint
from core.training.models import lineage as lineage
from core.training.models import merge as merge
from core.training.models import preview as preview
from core.training.models import write_card as write_card
from core.training.process import Process as Process
from core.training.runs import RunState as RunState
from core.training.runs import cancel as cancel
from core.training.runs import follow as follow
from core.training.runs import pause as pause
from core.training.runs import prepare as prepare
from core.training.runs import resume as resume
from core.training.runs import start as start
from core.training.runs import state as state
from core.training.states import State as State
