"""How well did it go: perplexity from the scorer's figures, and what else can be measured. No torch in here."""

from core.evaluating.perplexity import Difference as Difference
from core.evaluating.perplexity import Perplexity as Perplexity
from core.evaluating.perplexity import difference as difference
from core.evaluating.perplexity import perplexity as perplexity
from core.evaluating.scoring import Scored as Scored
from core.evaluating.scoring import Scores as Scores
from core.evaluating.scoring import score as score
