# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar seven: programs that print what they hold: lists, dictionaries and objects in the notation of their language, the text of errors
as it comes, names of types and modules, values that may be empty, few users and many."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern
from otel_pipeline.evaluation.logworlds.values import PARTS

SUBJECTS = (
    "Loader|Parser for «table»|Plugin «module»|Worker «int»|Session of «few»|Handler «type»|Step «snake»|Backend «type»|Job «uuid»|Resolver"
    "|Client of «host»|Stage «snake» of pipeline «module»|Scheduler|Consumer «snake»|Module «module»"
).split("|")
PAST = (
    "skipped|loaded|reloaded|rejected|imported|ignored|replaced|registered|dropped|resumed|suspended|flushed|compiled|renamed|attached"
).split("|")
OBJECTS = (
    " options «dict»| keys «list»| columns «list» of «type»| «object»| arguments «tuple»| parameter '«snake»'| setting `«snake»`| module «module»"
    "| «int» entries| file «path»| default for «snake»| features [«snake*»]| record «printed_object»"
).split("|")
TAILS = (
    " in «elapsed»| with «dict»| for user «few»| (reason: «error»)| after «int» attempts| from «address»| because of «type»|, retrying in «duration»"
    "| ⟦(cached)⟧| on behalf of «few»||||"
).split("|")
FAILURES = (
    "Could not open «path»: «error»|Error while reading settings of «module»: «error»|Request to «url» failed: «error»|Callback «snake» raised «type»: «error»"
    "|Giving up on «snake» after «int» attempts: «error»|Worker «int» stopped unexpectedly: «error»|Cannot connect to «endpoint»: «error»"
    "|Lost connection of «few» at «address» (reason: «error»)|Unable to decode message from «host»: «error»|Task «uuid» was aborted: «error»"
    "|Failed to store result of «snake»: «error»|Import of «module» went wrong: «error»|Health probe of «type» says «printed»"
).split("|")
SENTENCES = (
    "Unknown keys in «module»: «list»|Using cached value for «snake»|Type «type» has no serializer|Effective configuration: «dict»|Ignoring arguments «tuple»"
    "|Session opened for user «few» by (uid=«int»)|Session closed for user «few»|Permission of '«few»' on «table» granted|Permission of '«few»' on «table» revoked"
    "|Peer «address» said «quoted_or_empty»|Handshake with «host» (agent=«agent_or_none», tls=«flag»)|Got reply from «ip» («host_or_none») in «elapsed»"
    "|Environment: user=«few» home=«path» shell=«path_or_none»|Selected «snake» out of [«snake*»]|Dependencies of «module» resolved: «list»"
    "|Received «type» while waiting for «type»|Event loop is running|Event loop is closing|Nothing to do for «table»|Warnings so far: «list»|Listening as «few» on port «int»"
    "|Version «version» of «module» is newer than «version»|Metrics: «dict»|Attribute '«snake»' of «type» is deprecated, use '«snake»'|Skipping «path», not a directory"
).split("|")


def events(dice: Random) -> list[Event]:
    """Thirty to fifty events; half of the systems put a logger and a level before each."""
    header = dice.choice(("", "", "[«thread»] LOGGER - ", "LEVEL:LOGGER:", "LEVEL LOGGER: "))
    loggers = [".".join(("app", *dice.sample(PARTS, dice.randint(1, 2)))) for _ in range(6)]
    found: dict[str, Event] = {}
    wanted = dice.randint(30, 50)
    while len(found) < wanted:
        chance = dice.random()
        if chance < 0.3:
            text = dice.choice(SENTENCES)
        elif chance < 0.5:
            text = dice.choice(FAILURES)
        else:
            text = f"{dice.choice(SUBJECTS)} {dice.choice(PAST)}{dice.choice(OBJECTS)}{dice.choice(TAILS)}"
        level = dice.choice(("INFO", "DEBUG", "WARNING", "ERROR"))
        start = header.replace("LEVEL", level).replace("LOGGER", dice.choice(loggers))
        identity = " ".join(word for word in text.split() if "«" not in word)
        found.setdefault(" ".join(identity.split()[:4]), pattern(start + text))
    return list(found.values())
