"""Whatever speaks the OpenAI protocol: profiles of providers, the client for one, what its failures mean, and waiting.

In: an `Endpoint` of the settings. Out: a `Profile` (abilities, limits, peculiarities), an `openai` client, and failures
as `Failure`, a `Problem` that says what happened, where, what to do, and whether trying again can help.

    profile = endpoints.profile_of(settings, "lab")              # Misuse when there is none
    with endpoints.open_client(profile) as client:               # key, timeouts, max_retries=0, unix: sockets
        reply = endpoints.call(lambda: client.models.list(), profile, tell=countdown, stop=cancelled)

For a stream, open it with `call` and put `with endpoints.explained(profile, streaming=True):` around the loop: what
breaks in the middle comes out as a `Failure`. `split_name("lab:ID")` parts the name of a remote model.
What lies at an account is asked for with `here(profile)`, or from a process beside with `Beside`, by the same names.
Knows no dataset, no run, no store.
"""

from core.endpoints.asking import Provider as Provider
from core.endpoints.asking import here as here
from core.endpoints.beside import Beside as Beside
from core.endpoints.client import need_key as need_key
from core.endpoints.client import on_this_machine as on_this_machine
from core.endpoints.client import open_async_client as open_async_client
from core.endpoints.client import open_client as open_client
from core.endpoints.failures import Failure as Failure
from core.endpoints.failures import explained as explained
from core.endpoints.failures import failure_of as failure_of
from core.endpoints.profiles import Profile as Profile
from core.endpoints.profiles import is_remote as is_remote
from core.endpoints.profiles import profile_for as profile_for
from core.endpoints.profiles import profile_of as profile_of
from core.endpoints.profiles import split_name as split_name
from core.endpoints.waiting import Countdown as Countdown
from core.endpoints.waiting import call as call
from core.endpoints.waiting import pause_before as pause_before
from core.endpoints.waiting import pause_for as pause_for
