# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar eight: what moves bytes: relays, tunnels, firewalls, virtual machines and their hosts; counts with units or without, sizes in brackets
from a thousand on, hosts by name and by number, states of many things as plain words."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern

ENDS = "«endpoint»|«host»:«int»|«address»|«mixed_endpoint»".split("|")
FLOWS = (
    "END opened through relay «endpoint» tunnel|END shut, «counted» in, «counted» out, open for «elapsed»|END handed over to «host»"
    "|END «counted» dropped⟦ (queue full)⟧|END idle since «elapsed»|flow END -> END accepted by rule «int»|flow END -> END denied by rule «int»"
    "|END speed «int» kbit/s⟦ (limited)⟧|END lost, tried again after «elapsed»|END error : relay «endpoint» does not answer - cannot resolve «host»"
    "|END mapped to «address», lease «elapsed»|probe of END answered within «elapsed»|probe of END gave no answer"
).split("|")
THINGS = "guest «uuid»|volume «uuid»|bridge «invented»|port «uuid»|pool «colour»|link «int»".split("|")
STATES = (
    "Created|Started|Paused|Resumed|Stopped|Migrated|Rescued|Shelved|Locked|Attached|Detached|Resized|Failed|Deleted"
).split("|")
FORMS = (
    "THING changed to STATE (announced)|THING is now STATE|STATE THING on «host»|THING: STATE (by «few»)|THING STATE after «elapsed»"
    '|«ip» "GET /v«int»/«hex»/volumes/detail HTTP/1.1" status: «int» len: «int» time: «float»|«ip» "POST /v«int»/«hex»/hooks HTTP/1.1" status: «int» len: «int» time: «float»'
).split("|")
PLAIN = (
    "image cache holds «counted» in «path»|image «uuid» checked against («path»): good"
    "|spare volumes: «path*»|free memory «float» MB, used «float» MB⟦ (reserved «int» MB)⟧|interface «invented» up, «int» Mbit/s|interface «invented» down"
    "|route to «ip» via «ip» added|route to «ip» via «ip» removed|neighbour «mac» seen on port «int»⟦ (vlan «int»)⟧|transfer rate «float» MB/s, «counted» to go"
    "|inventory of node «host» unchanged|sync of «counted» took «elapsed»|backup link «colour» took over|fan «int» at «int» rpm"
    "|packets from «ip» («host_or_none») refused|login by «few» from «ip» («host_or_none») at «clock»"
).split("|")


def events(dice: Random) -> list[Event]:
    """Thirty to forty-five events; the states of one thing differ in a single word."""
    found: dict[str, Event] = {}
    wanted = dice.randint(30, 45)
    end, things, states = dice.choice(ENDS), dice.sample(THINGS, 3), dice.sample(STATES, 6)
    forms = dice.sample(FORMS, 4)
    tries = 0
    while len(found) < wanted and tries < 1000:
        tries += 1
        chance = dice.random()
        if chance < 0.35:
            text = dice.choice(FLOWS).replace("END", end)
        elif chance < 0.65:
            text = dice.choice(forms).replace("THING", dice.choice(things)).replace("STATE", dice.choice(states))
        else:
            text = dice.choice(PLAIN)
        found.setdefault(text, pattern(text))
    return list(found.values())
