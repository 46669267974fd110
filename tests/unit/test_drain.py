"""Merging of forms into templates."""

import random

import pytest

from otel_pipeline.detection.drain import Mask, Rules, Template, learn, merge


def masks(*texts: str, start: int = 1) -> list[Mask]:
    return [Mask(number, text) for number, text in enumerate(texts, start)]


def texts(templates: list[Template]) -> set[str]:
    return {template.text for template in templates}


def test_few_words_are_different_messages() -> None:
    found, templates = merge([], masks("the pool is full", "the pool is empty", "the pool is closed"))
    assert len(set(found.values())) == 3
    assert len(templates) == 3


def test_many_words_at_one_place_are_a_variable() -> None:
    colours = ("red", "green", "blue", "black", "white")
    found, templates = merge([], masks(*(f"painted the {colour} door again" for colour in colours)))
    assert texts(templates) == {"painted the <*> door again"}
    assert len(set(found.values())) == 1


def test_the_first_word_never_varies() -> None:
    words = ("cupsd", "klogd", "syslogd", "crond", "sshd", "named")
    _, templates = merge([], masks(*(f"{word} startup succeeded now" for word in words)))
    assert len(templates) == len(words)


@pytest.mark.parametrize("flags", [("true", "false"), ("OPEN", "CLOSED", "HALF", "BROKEN", "GONE", "NEW")])
def test_flags_and_states_never_vary(flags: tuple[str, ...]) -> None:
    _, templates = merge([], masks(*(f"breaker of the gateway is {flag} now" for flag in flags)))
    assert len(templates) == len(flags)


def test_a_word_beside_a_variable_is_one_of_its_values() -> None:
    found, templates = merge([], masks("chdir(<*>) failed: no such file", "chdir(pwd) failed: no such file"))
    assert texts(templates) == {"chdir(<*>) failed: no such file"}
    assert len(set(found.values())) == 1


def test_ids_are_stable_and_known_templates_take_new_masks() -> None:
    first, templates = merge([], masks("painted the red door again", "painted the green door again"))
    later = masks(*(f"painted the {c} door again" for c in ("blue", "black", "white")), start=10)
    second, changed = merge(templates, later)
    # Five colours make a variable: the oldest template becomes more general, and keeps its id.
    assert len(set(second.values())) == 1
    (template,) = changed
    assert template.id in first.values()
    assert (template.text, template.revision) == ("painted the <*> door again", 1)
    third, unchanged = merge([*changed], masks("painted the pink door again", start=20))
    assert set(third.values()) == {template.id}
    assert unchanged == []


def test_the_order_of_masks_does_not_matter() -> None:
    lines = masks(*(f"job {a} of {b} done by {c}" for a in "abcdef" for b in "uvwxyz" for c in ("me", "you")))
    expected = merge([], lines)
    for seed in range(5):
        shuffled = lines[:]
        random.Random(seed).shuffle(shuffled)
        assert merge([], shuffled) == expected


def test_nothing_new_is_nothing_to_do() -> None:
    assert merge([Template(1, "a b c")], []) == ({}, [])


NAMES = ("ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal")
TOWNS = ("Oslo", "Rome", "Lima", "Bonn", "Cork", "Nice")


def ids(found: dict[int, int]) -> int:
    return len(set(found.values()))


def test_names_at_two_places_are_values() -> None:
    found, templates = merge([], masks(*(f"today {n} is working from {t} all day" for n in NAMES for t in TOWNS)))
    assert ids(found) == 1
    lines = [f"account of {n} moved to {TOWNS[i % 6]} at once" for i, n in enumerate(NAMES)]
    found, templates = merge([], masks(*lines))
    assert texts(templates) == {"account of <*> moved to <*> at once"}


def test_words_met_as_values_are_values_elsewhere() -> None:
    many = [f"mail for {n} was sent" for n in NAMES]
    few = ["quota of ann is used up", "quota of bob is used up"]
    assert ids(merge([], masks(*few))[0]) == 2
    assert texts(merge([], masks(*many, *few))[1]) == {"mail for <*> was sent", "quota of <*> is used up"}


@pytest.mark.parametrize(
    "lines",
    [
        ("<*> bytes (<*>) sent to peer", "<*> bytes sent to peer"),
        ("order <*> was paid user=<*> city=<*>", "order <*> was paid city=<*>"),
        ("pool refilled fully, next try in <*>", "pool refilled fully"),
        ("connection from <*> (<*>) at <*>", "connection from <*> () at <*>"),
        ('peer <*> of cell <*> said "<*>"', 'peer <*> of cell <*> said ""'),
        ("order <*> was paid user=<*> city=<*>", "order <*> was paid user= city=<*>"),
        ("state: name=<*>, phase=<*>, replicas=<*>, paused=<*>", "state: name=<*>, phase=<*>, replicas=<*>"),
        ("Request for <*> came, Length: <*>, Content Type: <*>", "Request for <*> came, Length: <*>"),
        ("用户<*>更新了订单<*>(第<*>次)", "用户<*>更新了订单<*>"),
        ("<*> bytes were dropped (queue full)", "<*> bytes were dropped"),
        ("注文<*>を作成しました(試行<*>)", "注文<*>を作成しました"),
    ],
)
def test_parts_that_may_be_missing_do_not_split(lines: tuple[str, ...]) -> None:
    found, templates = merge([], masks(*lines))
    assert ids(found) == 1
    assert texts(templates) == {lines[0]}


VERBS = ("Opening", "Closing", "Renewing", "Moving", "Found", "Lost", "Checking", "Dropping", "Reading")
NOUNS = ("the gate", "shop", "lease <*>", "<*> rows to <*>", "nothing at all", "it", "all <*> of <*>", "a <*>", "on")


@pytest.mark.parametrize(
    "lines",
    [
        ("user login succeeded for <*>", "user login failed for <*>"),
        (
            "VM <*> Started (event)",
            "VM <*> Paused (event)",
            "VM <*> Resumed (event)",
            "VM <*> Stopped (event)",
            "VM <*> Created (event)",
        ),
        ("session opened for <*>", "session opened for <*> by <*>"),
        ("<*> items were moved to coupon", "coupon were moved to <*> items"),
        ('{"msg": "order placed", "id": <*>}', '{"msg": "order refused", "id": <*>}'),
        # One logger, many messages: no free text.
        tuple(f"<*> WARN [main] com.acme.Pool - {a} {b}" for a, b in zip(VERBS, NOUNS, strict=True)),
        # What happens to several things alternates, too.
        tuple(f"the {thing} was {what}" for thing in ("door", "gate") for what in ("opened", "closed", "locked")),
        ("timed out after <*> ms", "gave up after <*> s"),
        ("worker failed, retrying soon", "worker failed"),
    ],
)
def test_different_events_stay_apart(lines: tuple[str, ...]) -> None:
    assert ids(merge([], masks(*lines))[0]) == len(lines)


CAUSES = (
    "timed out",
    "connection to <*> refused",
    "no such file: <*>",
    "broken pipe in the middle of it",
    "permission denied",
    "division by zero",
    "bad literal '<*>' at line <*>",
    "out of memory while allocating <*> bytes",
)


def test_text_of_many_kinds_in_a_place_of_its_own_is_free() -> None:
    lines = [f"could not load settings: {cause}" for cause in CAUSES]
    assert ids(merge([], masks(*lines[:3]))[0]) == 3
    found, templates = merge([], masks(*lines))
    assert (ids(found), texts(templates)) == (1, {"could not load settings: <*>"})
    inside = [f"lost peer <*> for good (reason: {cause})" for cause in CAUSES]
    assert texts(merge([], masks(*inside))[1]) == {"lost peer <*> for good (reason: <*>)"}


def test_texts_that_stand_in_several_places_are_free_with_fewer() -> None:
    heads = ("giving up: ", "sync aborted for now: ", "peer went away: ")
    found, templates = merge([], masks(*(head + cause for head in heads for cause in CAUSES[:4])))
    assert (ids(found), texts(templates)) == (3, {f"{head}<*>" for head in heads})


def test_places_of_free_text_are_remembered() -> None:
    before = masks(*(f"could not load settings: {cause}" for cause in CAUSES))
    _, templates = merge([], before)
    new = masks("could not load settings: a text that nobody has seen", start=50)
    seen = {template.id: [mask.text for mask in before] for template in templates}
    assert set(learn(templates, new, seen).found.values()) == {templates[0].id}
    assert set(learn(templates, new, {}).found.values()) != {templates[0].id}


@pytest.mark.parametrize(
    ("lines", "template"),
    [
        (("lifetime of session <*> sec", "lifetime of session <*>"), "lifetime of session <*>"),
        (("query took <*> ms in all", "query took <*> s in all"), "query took <*> in all"),
        (("query took <*> ms in all",), "query took <*> ms in all"),
        (("scores of team: <*>, <*>, <*>", "scores of team: <*>, <*>"), "scores of team: <*>"),
        (("moved from <*> <*> today", "moved from <*> <*> today again"), None),
        (("dial to <*> failed", "dial to db-primary:<*> failed"), "dial to <*> failed"),
        (
            ("limit of rate, pool reached", "limit of pool, rate reached", "limit of rate reached"),
            "limit of <*> reached",
        ),
        (("limit of rate, pool reached", "limit of rate reached"), None),
        (
            tuple(f"Handler {x} loaded <*> keys" for x in ("HttpCache", "Queue", "TokenPool")),
            "Handler <*> loaded <*> keys",
        ),
    ],
)
def test_values_are_written_in_different_ways(lines: tuple[str, ...], template: str | None) -> None:
    _, templates = merge([], masks(*lines))
    assert texts(templates) == (set(lines) if template is None else {template})


def test_few_names_that_are_met_everywhere_are_values() -> None:
    users = ("ann", "bob", "eve")
    lines = [
        f"{start} {user} {end}" for user in users for start, end in (("mail for", "was lost"), ("quota of", "is up"))
    ]
    assert texts(merge([], masks(*lines))[1]) == {"mail for <*> was lost", "quota of <*> is up"}
    assert ids(merge([], masks(*lines[::2]))[0]) == 3


def test_names_of_several_words_are_one_word() -> None:
    products = ("Blue Cotton Shirt", "Desk Lamp", "Garden Hose", "Notebook", "Wool Scarf")
    _, templates = merge([], masks(*(f"stock of {p} is low" for p in products)))
    assert texts(templates) == {"stock of <*> is low"}


def test_values_within_runs_of_han_characters() -> None:
    names = ("王伟", "李娜", "张敏", "刘洋", "陈静")
    found, templates = merge([], masks(*(f"用户{n}从<*>登录" for n in names)))
    assert texts(templates) == {"用户<*>从<*>登录"}
    later, changed = merge(templates, masks("用户孙燕从<*>登录", start=50))
    assert set(later.values()) == set(found.values()) and changed == []


def test_the_key_that_names_the_event_is_found() -> None:
    kinds = {"order placed": ("order", "items"), "mail sent": ("to", "size"), "stock low": ("sku", "left")}
    lines = [f'{{"happened": "{e}", "{k[0]}": "{n}", "{k[1]}": <*>}}' for e, k in kinds.items() for n in NAMES]
    found, templates = merge([], masks(*lines))
    assert ids(found) == 3
    later, _ = merge(templates, masks('{"happened": "mail sent", "to": "zoe", "size": <*>}', start=90))
    assert set(later.values()) <= set(found.values())


def test_masks_of_before_teach_words_and_one_template_becomes_part_of_another() -> None:
    old = Template(1, "mail for <*> was sent", since=5)
    single = Template(2, "mail for ann was sent", since=4)
    seen = {1: [f"mail for {n} was sent" for n in NAMES]}
    new = masks("quota of ann is used up", "quota of bob is used up", start=10)
    merged = learn([old, single], new, seen)
    assert ids(merged.found) == 1
    # Of two that are one the one with more lines goes on, or the older, once its text, as stored, covers both.
    assert merged.absorbed == {}
    general = Template(2, "mail for <*> was sent", 1, since=4)
    assert learn([old, general], new, seen).absorbed == {1: 2}


def test_lines_that_are_usual_somewhere_keep_their_template() -> None:
    seen = {1: [f"mail for {n} was sent" for n in NAMES]}
    new = masks("quota of ann is used up", start=10)
    text, mail = "mail for <*> was sent", frozenset(("mail",))
    frequent = Template(2, text, since=9, lines=5_000, services=mail)
    for rare, moves in (
        (Template(1, text, lines=50, services=mail), True),
        (Template(1, text, lines=51, services=mail), False),
        (Template(1, text, lines=50, services=frozenset(("quota",))), False),
    ):
        assert learn([rare, frequent], new, seen).absorbed == ({1: 2} if moves else {})


def test_a_flood_of_texts_is_bounded() -> None:
    lines = masks(*(f"user u{'x' * (n % 90)}{chr(97 + n % 26)} is gone for ever" for n in range(400)))
    rules = Rules(merged=100, tried=250)
    assert ids(merge([], lines[:100])[0]) == 1
    found, templates = merge([], lines, rules)
    # Beyond the first hundred the templates that there are take what is theirs; beyond that nothing is looked at.
    assert len(found) == 250
    assert ids(found) == 1
    strange = masks(*("".join(chr(97 + n // 26**k % 26) for k in range(3)) + " came" for n in range(300)), start=1000)
    found, _ = merge(templates, strange, rules)
    assert len(found) == 100
