# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar three: infrastructure. Java with logger names, threads and stack traces; daemons in the way of syslog."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, fill, pattern, truth
from otel_pipeline.evaluation.logworlds.values import Values

PACKAGES = (
    "com.acme.billing|org.example.store|io.depot.core|net.ferry.rpc|com.acme.billing.dao|org.example.store.web".split(
        "|"
    )
)
PARTS = (
    "Order Ledger Token Lease Shard Replica Snapshot Region Block Container Heartbeat Session Partition Segment".split()
)
ROLES = "Manager Service Handler Tracker Scheduler Controller Repository Client Listener Monitor".split()
VERBS = (
    "Registering|Removing|Allocating|Closing|Opening|Replicating|Renewing|Verifying|Flushing|Compacting|Loading|Recovering"
).split("|")
FAILED = "Failed to|Could not|Unable to|Error while trying to".split("|")
INFINITIVES = "open|renew|read|write|replicate|deserialize|commit|acquire|resolve|register|delete".split("|")
TAILS = (
    " «uuid»| «hex» on node «host»| of size «int»| for «user»| from «address»| with id «int»| at «endpoint»| in «path»"
    "| («int» of «int»)| to «pod», took «int» ms| owned by «invented»| [«hex»]| in «int» ms| in «elapsed»| using «int» threads| of «object»| request=«object»| for table «table»"
).split("|")
EXCEPTIONS = (
    "java.net.SocketTimeoutException: Read timed out|java.lang.NullPointerException|java.io.IOException: Broken pipe"
    "|java.lang.IllegalStateException: Pool is closed|java.sql.SQLTimeoutException: Query took longer than «int» seconds"
    "|java.io.FileNotFoundException: «path» (No such file or directory)|java.util.concurrent.TimeoutException"
    "|java.net.UnknownHostException: «host»|java.lang.OutOfMemoryError: Java heap space"
).split("|")
METHODS = "invoke doFilter run call process apply handle execute read accept lambda$0".split()
DAEMONS = {
    "sshd": (
        "Accepted publickey for «user» from «ip» port «int» ssh2|Failed password for «user» from «ip» port «int» ssh2"
        "|Failed password for invalid user «invented» from «ip» port «int» ssh2|Invalid user «invented» from «ip»"
        "|Connection closed by «ip» port «int» [preauth]|Received disconnect from «ip»: «int»: Bye"
        "|pam_unix(sshd:session): session opened for user «user» by (uid=«int»)|pam_unix(sshd:session): session closed for user «user»"
    ),
    "kernel": (
        "eth0: link up, «int» Mbps, full duplex|eth0: link down|usb «int»-«int»: new high-speed USB device number «int»"
        "|Out of memory: Kill process «int» («service») score «int» or sacrifice child|CPU«int»: temperature above threshold"
        "|EXT4-fs (sda«int»): mounted filesystem with ordered data mode|TCP: request_sock_TCP: Possible SYN flooding on port «int»"
        "|device «invented» entered promiscuous mode|device «invented» left promiscuous mode"
    ),
    "crond": "connection from «ip» («host_or_none») at «stamp»|(«user») CMD («path»)|(«user») RELOAD («path»)|(CRON) INFO (running with inotify support)",
    "dhcpd": (
        "DHCPREQUEST for «ip» from «mac» via eth0|DHCPACK on «ip» to «mac» («colour») via eth0|DHCPDISCOVER from «mac» via eth0"
        "|DHCPINFORM from «ip» via eth0 («host_or_none»)|DHCPOFFER on «ip» to «mac» via eth0|no free leases on subnet «ip»"
    ),
    "postfix": (
        "connect from «host»[«ip»]|disconnect from «host»[«ip»]|«hex»: client=«host»[«ip»]|«hex»: removed"
        "|«hex»: from=<«email»>, size=«int», nrcpt=«int» (queue active)"
        "|«hex»: to=<«email»>, relay=«host»[«ip»]:25, delay=«float», status=sent (250 OK)"
        "|warning: «ip»: hostname «host» verification failed"
    ),
    "systemd": (
        "Started Session «int» of user «user».|Starting Daily cleanup...|«service».service: Main process exited, code=exited, status=«int»"
        "|«service».service: Scheduled restart job, restart counter is at «int».|Stopped «service».service.|Reached target Network."
        "|Mounted «path».|Time has been changed"
    ),
    "named": (
        "client «address»: query (cache) '«host»/A/IN' denied|zone «host»/IN: loaded serial «int»|lame server resolving '«host»' (in '«host»'?): «address»"
        "|error (network unreachable) resolving '«host»/AAAA/IN': «ipv6»#53"
    ),
    "keepalived": (
        "VRRP_Instance(«invented») Entering MASTER STATE|VRRP_Instance(«invented») Entering BACKUP STATE"
        "|VRRP_Script(«invented») succeeded|Netlink reflector reports IP «ip» added|Netlink reflector reports IP «ip» removed"
    ),
}


def events(dice: Random) -> list[Event]:
    """Thirty to fifty events: all Java, all daemons, or both."""
    form = dice.choice(("java", "java", "syslog", "both"))
    found: dict[str, Event] = {}
    wanted = dice.randint(30, 45)
    header = dice.choice(("", "", "full", "short"))
    while len(found) < wanted:
        if form == "java" or (form == "both" and dice.random() < 0.5):
            identity, event = _java(dice, header)
        else:
            daemon = dice.choice(list(DAEMONS))
            identity = dice.choice(DAEMONS[daemon].split("|"))
            start = {"": "", "full": f"«stamp» «colour» {daemon}[«int»]: ", "short": f"{daemon}[«int»]: "}[header]
            event = pattern(start + identity)
        found.setdefault(identity, event)
    return list(found.values())


def _java(dice: Random, header: str) -> tuple[str, Event]:
    part = dice.choice(PARTS)
    logger = f"{dice.choice(PACKAGES)}.{part}{dice.choice(ROLES)}"
    exception = ""
    if dice.random() < 0.3:
        text = f"{dice.choice(FAILED)} {dice.choice(INFINITIVES)} {part.lower()}{dice.choice(TAILS)}"
        level = "ERROR"
        if dice.random() < 0.7:
            exception = dice.choice(EXCEPTIONS)
    else:
        text = f"{dice.choice(VERBS)} {part.lower()}" + "".join(dice.sample(TAILS, dice.randint(0, 2)))
        level = dice.choice(("INFO", "DEBUG", "WARN"))
        if dice.random() < 0.2:
            text += dice.choice(
                ("⟦ (forced)⟧", "⟦, epoch «int»⟧", "⟦ after «int» retries⟧", "⟦ (generation «int», leader «host»)⟧")
            )
    start = {"": "", "full": f"«timestamp» {level} [«thread»] {logger} - ", "short": f"{level} {logger}: "}[header]
    whole = start + text + (f"\n{exception}" if exception else "")
    identity = text.split("«")[0]
    # Appenders that write one line an event join the frames with a bar, or with an escaped line break.
    joint = dice.choice(("\n\t", "\n\t", " | ", "\\n\\t")) if exception else ""

    def draw(dice: Random, values: Values) -> str:
        line = fill(whole, dice, values)
        if exception:
            for _ in range(dice.randint(2, 12)):
                name = f"{dice.choice(PACKAGES)}.{dice.choice(PARTS)}{dice.choice(ROLES)}"
                line += (
                    f"{joint}at {name}.{dice.choice(METHODS)}({name.rsplit('.', 1)[1]}.java:{dice.randint(10, 900)})"
                )
            if dice.random() < 0.3:
                line += f"{joint}... {dice.randint(2, 40)} more"
        return line

    return identity, Event(truth(whole), draw)
