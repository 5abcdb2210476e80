"""Chats to measure with: word-salad Spanish in bursts and silences. Ratios carry over to real chats, counts do not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from core.chat import Chat, Kind, Message

# Words as people write them: tokenizers are built for these, and invented ones cost them five times as much.
_SAID = """
hola bueno dale che mirá vos sabés que no sé si voy a poder mañana porque tengo que trabajar hasta tarde pero
después te llamo igual estaba pensando en la película del otro día viste era buenísima aunque el final me dejó
medio así como si faltara algo decime cuando llegues a casa compramos pan leche yerba azúcar queso para la
cena jaja jajaja jajajaja posta boludo increíble nos vemos el sábado en lo de mamá traé las llaves y el
cargador gracias perdón recién salgo estoy esperando el colectivo hace frío llueve otra vez qué hambre pedimos
una pizza con muzzarella empanadas carne verdura birra cancha partido gol penal árbitro equipo campeón
universidad parcial final apuntes profesora facultad tesis código notebook servidor modelo datos entrenamiento
gracioso divertido triste cansada feliz cumpleaños regalo torta amigos familia abuela hermano primos perro
gata veterinaria remedio médico turno hospital viaje montaña playa valija pasaje avión aeropuerto
"""
WORDS = _SAID.split()


def chat(count: int, people: tuple[str, ...] = ("Ana", "Beto"), seed: int = 7) -> tuple[Chat, list[Message]]:
    """So many messages; silences of every length, so that any change of a window changes something."""
    draw = random.Random(seed)
    at, author = 1_500_000_000, people[0]
    made: list[Message] = []
    for line in range(count):
        if draw.random() < 0.55:
            author = draw.choice(people)
        at += int(draw.lognormvariate(3.6, 1.1)) if draw.random() < 0.93 else int(draw.lognormvariate(8.6, 1.6))
        text = " ".join(draw.choices(WORDS, k=draw.randint(1, 15))).capitalize() + draw.choice(("", "", "", "!", " 😂"))
        kind = Kind.MEDIA if draw.random() < 0.06 else Kind.TEXT
        made.append(Message(author, at, kind, text, 0, line + 1))
    return Chat("salad", "whatsapp"), made


def seconds(what: Callable[[], object], times: int = 1) -> float:
    """The least processor time of so many runs: what else the machine does counts less in it than in the wall's."""
    spent: list[float] = []
    for _again in range(times):
        began = time.process_time()
        what()
        spent.append(time.process_time() - began)
    return min(spent)
