# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar one: what the services of a business say, as sentences; plain, or with key=value details, or a mixture."""

import re
from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern

# Things and their id, what happens to them, and what is said about it.
THINGS = (
    "order «order»|payment «uuid»|shipment «order»|invoice «int»|session «hex»|refund «order»|coupon «word»"
    "|account of «user»|cart «int»|subscription «uuid»|ticket #«int»|parcel «big»|message «uuid»|job «int»|webhook «hex»"
).split("|")
DONE = (
    "created|cancelled|accepted|declined|confirmed|expired|archived|dispatched|retried|reassigned|validated|rejected"
    "|queued|settled|restored|locked|unlocked|merged|exported|delivered"
).split("|")
DETAILS = (
    " by «user»| for user «user»| in «city»| after «duration»| within «elapsed»| in «int» ms| with total «money»| at «timestamp»"
    "| from «ip»| on «host»| via «service»| to «email»| (attempt «int» of «int»)| with «int» items| using plan «plan»"
    "| for product «quoted»| in region «region»| from «endpoint»| (size «size»)| to «city»| under key «token»"
).split("|")
OPTIONAL = (
    "⟦ (took «int» ms)⟧|⟦ (retry «int»)⟧|⟦, trace=«hex»⟧|⟦ [request «uuid»]⟧|⟦ (cached)⟧|⟦, next attempt in «duration»⟧"
    "|⟦ (size «apart»)⟧|⟦ user=«user»⟧"
).split("|")
SENTENCES = (
    "Cache miss for key «word»:«int»|Cache hit for key «word»:«int»|Slow query took «int» ms on table «table»"
    "|Connection to «endpoint» refused|Connection to «endpoint» established|Connection to «endpoint» timed out after «duration»"
    "|User «user» logged in from «ip»|User «user» logged out|Password reset requested by «email»"
    "|Login failed for «user»: invalid credentials|Login failed for «user»: account locked"
    "|Retrying request to «url» in «duration»|«method» «route» «int» «ms»|Listening on «address»|Reloading configuration from «path»"
    "|Rate limit exceeded for client «ip»|Circuit breaker for «service» opened|Circuit breaker for «service» closed"
    "|Stock of «product» is down to «int»|Stock of «product» replenished with «int» units|Sent mail to «email» in «duration»"
    "|Consumed «int» messages from topic «topic»|Published event to topic «topic» partition «int» offset «big»"
    "|Disk usage at «percent» on «path»|Feature flag «word» is «flag»|Worker «int» picked up job «uuid»"
    "|Uploaded «path» («size») to bucket «word»|Downloaded «int» bytes from «url»|Health check of «service» passed in «ms»"
    "|Health check of «service» failed: «int»|Deployed version «version» of «service» to «region»|Tags updated: «colour+»"
    "|Assigned roles «word*» to «user»|Starting up|Shutting down gracefully|Configuration loaded|Token for «user» refreshed"
    "|Garbage collection took «ms», freed «size»|Exchange rate set to «float»|Customer «person» moved to «city»"
    "|Recommended «int» products to «user» in «city»|Lock «word» acquired by «pod»|Lock «word» released by «pod»"
    "|Checksum of «path» is «sha»|Leader is now «pod»|Certificate for «host» expires in «int» days"
).split("|")
_OPTIONAL = re.compile(r"⟦[^⟧]*⟧")
KEYS = (
    "user=«user»|order=«order»|ip=«ip»|duration=«duration»|status=«int»|region=«region»|amount=«float»|city=«city»"
    "|trace_id=«hex»|service=«service»|items=«int»|version=«version»|retry=«flag»|path=«route»|product=«quoted»"
).split("|")


def events(dice: Random) -> list[Event]:
    """Thirty to fifty events of a system."""
    form = dice.choice(("plain", "plain", "details", "mixed"))
    found: dict[str, Event] = {}
    wanted = dice.randint(30, 50)
    things, done = dice.sample(THINGS, 8), dice.sample(DONE, 12)
    while len(found) < wanted:
        if dice.random() < 0.55:
            text = dice.choice(SENTENCES)
        else:
            thing = dice.choice(things)
            thing = thing if dice.random() < 0.3 else thing[0].upper() + thing[1:]
            text = f"{thing} {dice.choice(done)}" + "".join(dice.sample(DETAILS, dice.randint(0, 3)))
        if dice.random() < 0.25:
            text += dice.choice(OPTIONAL)
        if form == "details" or (form == "mixed" and dice.random() < 0.3):
            text += "".join(
                f" {key}" if dice.random() < 0.8 else f"⟦ {key}⟧" for key in dice.sample(KEYS, dice.randint(1, 4))
            )
        event = pattern(text)
        # One event each beginning up to the first details: "order <*> created" is said in one way.
        found.setdefault(_identity(text), event)
    return list(found.values())


def _identity(text: str) -> str:
    words = [word for word in _OPTIONAL.sub("", text).split(" ") if "=" not in word]
    return " ".join(words[:4]).casefold()
