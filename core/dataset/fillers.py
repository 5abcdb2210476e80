"""Words that say nothing about a person, left out of the lists of top words: Spanish and English, in chat spelling.

Compared after folding, so without accents and in lower case.
"""

from __future__ import annotations

from typing import Final

_SPANISH: Final = """
a al algo alguien algun alguna algunos ahi ahora ante antes aqui asi aun aunque ay bien bueno cada casi como
con contra cosa cosas cual cuando cuanto de del desde despues donde dos e el ella ellas ello ellos en entonces
entre era eran eras eres es esa ese eso esos esta estaba estaban estamos estan estar estas este esto estos
estoy fue fueron fui gran ha haber habia hace hacer hacia hago han has hasta hay he hizo hola igual ir iba va
vas van voy vamos fuimos la las le les lo los mas me mejor menos mi mia mio mis misma mismo mucha mucho muy
nada ni no nos nosotros o os otra otro para pero poco por porque pq pues puede puedo podes puedes que quien se
sea ser si sido siempre sin sobre sola solo somos son soy su sus suya suyo tal tambien tan tanto te tenemos
tener tenes tengo tiene tienen tienes toda todas todavia todo todos tu tus tuvo un una uno unos usted ustedes
vos vosotros vuestra y ya yo d q x xq tb tmb k ok dale che aca alla ah eh oh sos estas esto re decir dice digo
dijo ver veo ves sabes se quiero queres quiere
"""
_ENGLISH: Final = """
a about after again all also am an and any are as at be because been before being but by can could did do does
doing don down for from get go going got had has have having he her here hers him his how i if im in into is
it its just know let like ll m me more most much my myself no nor not now of off ok okay on once one only or
other our ours out over own re really s said same say see she should so some such t than that the their them
then there these they thing this those to too u under until up ur us ve very was we well were what when where
which while who whom why will with would yes yeah you your yours yourself
"""
_LAUGHTER_LETTERS: Final = (frozenset("ja"), frozenset("je"), frozenset("ji"), frozenset("ha"), frozenset("he"))
FILLERS: Final = frozenset(f"{_SPANISH} {_ENGLISH}".split())


def is_filler(word: str) -> bool:
    """Whether a folded word is left out: short words of every sentence, single letters, numbers."""
    return len(word) < 2 or word in FILLERS or word.isdigit()


def laughter(word: str) -> str:
    """The same laugh for all its lengths: `jajaja` for `jaja` and `jajajajaja`; other words as they are."""
    if len(word) > 3 and frozenset(word) in _LAUGHTER_LETTERS:
        return (word[:2] if word[0] in "jh" else word[1:3]) * 3
    return word
