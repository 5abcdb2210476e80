"""Why a recipe gives no examples, in one sentence that names the rule or parameter that took the last of them.

In: a `Build` without examples, the scan of cleaning rules, and what a run through the build reported where it was run. It
follows the messages on their way (cleaning, the curator, consent, grouping, contexts, the split) and stops where none
is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.cleaning import rules
from core.dataset.examples import Build, BuildReport
from core.dataset.material import DROPPED
from core.language import _, grouped, ngettext


def reason(build: Build, hits: NDArray[np.uint16]) -> str:
    """Why no example is planned."""
    material, recipe = build.material, build.recipe
    theirs = material.columns.authors == build.persona.id
    name, wrote = build.persona.name, int(np.count_nonzero(theirs))
    if not wrote:
        return _("{name} wrote nothing in these chats.").format(name=name)
    kept = int(np.count_nonzero(theirs & build.columns.kept))
    if not kept:
        found = rules.with_lengths(hits, material.columns.lengths, recipe.cleaning)
        on = rules.switched_on(recipe.cleaning)
        by_rule = {one.name: np.count_nonzero(theirs & ((found & one.bit & on) != 0)) for one in rules.RULES}
        by_rule[_("dropped by hand")] = np.count_nonzero(theirs & ((material.said & DROPPED) != 0))
        rule = max(by_rule, key=lambda one: by_rule[one])
        return ngettext(
            "the one message by {name} is left out, by: {rule}.",
            "all {wrote} messages by {name} are left out, {count} of them by: {rule}.",
            wrote,
        ).format(wrote=grouped(wrote), name=name, count=grouped(int(by_rule[rule])), rule=rule)
    if recipe.min_reply_chars or recipe.max_reply_chars:
        return _("no reply by {name} is as long as min_reply_chars and max_reply_chars want it.").format(name=name)
    return _(
        "nothing stands before any reply by {name}; buffer_size=0 or without_context=keep takes them all the same."
    ).format(name=name)


def left_out(report: BuildReport) -> str:
    """What took the planned examples of the training side."""
    took = {
        _("the gap before what is held out (purge_gap)"): report.purged,
        _("too few words (min_reply_words, min_context_words)"): report.short,
        _("a weight of 0"): report.unweighted,
        _("likeness to others (near_duplicates)"): report.duplicates,
        _("what is held out (validation)"): report.validation + report.across,
    }
    most = max(took, key=lambda one: took[one])
    return _("this recipe leaves no examples to train on; most went to: {what}.").format(what=most)
