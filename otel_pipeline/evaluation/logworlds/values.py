# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Values of some thirty kinds, as log lines hold them; each world draws its own pools of names."""

import base64
import re
import string
from collections.abc import Callable, Sequence
from random import Random

FIRST = (
    "alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil trent victor walter xena"
    " yuki zoe anders bianca chloe dmitri elena farid gwen hassan ines jorge keiko lars maria nadia omar priya quentin rosa"
).split()
LAST = "smith jones brown garcia miller davis lopez wilson moore taylor lee white harris clark young king".split()
CITIES = (
    "Berlin|Paris|New York|Tokyo|Seoul|Oslo|Lima|San Francisco|Cape Town|Madrid|Vienna|Hanoi|Quito|Nairobi|Rio de Janeiro"
    "|Lisbon|Prague|Dublin|Accra|Busan|Kyoto|Leeds|Turin|Porto|Denver"
).split("|")
PRODUCTS = (
    "Blue Cotton Shirt|Desk Lamp|Garden Hose|Espresso Machine|Trail Shoes|Notebook|Wool Scarf|Ceramic Mug|Yoga Mat"
    "|Phone Case|Wall Clock|Rain Jacket|Bread Knife|Bike Helmet|Standing Desk|Headphones|Backpack|Tea Kettle"
).split("|")
COLOURS = (
    "amber azure coral crimson cyan ebony fuchsia indigo ivory jade lilac maroon ochre olive pearl ruby teal".split()
)
SERVICES = (
    "cart checkout billing search-api auth-gateway mailer ledger catalog shipping-worker recommender media-proxy quota"
    " scheduler profile-store inventory webhook-relay audit geo pricing-engine session-cache"
).split()
TABLES = "orders users line_items audit_log sessions invoices stock_levels refunds events_raw coupons carriers ratings".split()
TOPICS = "orders.created payments.failed user.signup stock.changed mail.outbound audit.trail search.index click.stream".split()
REGIONS = "eu-central us-east us-west ap-south sa-east af-south eu-north ap-northeast".split()
PLANS = "free basic silver gold platinum".split()
METHODS = "GET POST PUT DELETE PATCH".split()
DOMAINS = "example.com shop.io corp.internal data.local mail.org cloud.net svc.cluster.local uni.edu".split()
SEGMENTS = "var data app cache logs spool tmp home backup images export conf assets lib share".split()
EXTENSIONS = "log json csv tmp db gz xml parquet yaml png".split()
KOREAN = (
    "김철수 이영희 박민수 최지우 정다은 강하늘 조현우 윤서연 임재범 한소희 오세훈 신민아 서강준 권나라 황정민".split()
)
KOREAN_CITIES = "서울 부산 대구 인천 광주 대전 울산 제주 수원 전주".split()
JAPANESE = "田中 佐藤 鈴木 高橋 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 松本 井上 木村".split()
JAPANESE_CITIES = "東京 大阪 京都 札幌 福岡 神戸 仙台 広島 名古屋 横浜".split()
CHINESE = "王伟 李娜 张敏 刘洋 陈静 杨磊 赵强 黄丽 周杰 吴芳 徐明 孙燕".split()
CYRILLIC = "Иван Ольга Пётр Мария Сергей Анна Дмитрий Елена Павел Юлия Никита Вера".split()
# Parts of the names of types, modules and parameters.
PARTS = (
    "batch store input output layer token route model cache retry shard index queue merge parse lease graph plan audit mask label state timer"
    " buffer frame probe signal schema codec limit stream pool"
).split()
SLOT = re.compile(r"«([\w*+]+)»")
ERRORS = (
    "connection refused|timed out|[Errno «int»] No such file or directory: '«path»'|unexpected end of input at line «int» column «int»|division by zero"
    "|'«snake»'|invalid value for «snake»: «int»|permission denied|no route to host «ip»|broken pipe|lookup «host» on «address»: no such host"
    '|read tcp «address»->«address»: i/o timeout|unknown field "«snake»" in «type»|certificate of «host» has expired|out of memory while allocating «int» bytes'
).split("|")


class Values:
    """Draws values by the name of their kind. Pools of names are parts of the whole, of a size of the world's own."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self._pools: dict[str, list[str]] = {}
        self._invented = Invented(dice)
        self._kinds: dict[str, Callable[[], str]] = {
            name.removeprefix("_make_"): getattr(self, name) for name in dir(self) if name.startswith("_make_")
        }

    def make(self, kind: str) -> str:
        """A value of a kind; ``kind*`` is a list of one to six, ``kind+`` the same in a bracket; ``kind_or_none`` may be missing."""
        if kind.endswith("*"):
            return ", ".join(self.make(kind[:-1]) for _ in range(self.dice.randint(1, 6)))
        if kind.endswith("+"):
            return "[" + ", ".join(self.make(kind[:-1]) for _ in range(self.dice.randint(1, 6))) + "]"
        if kind.endswith("_or_none"):
            return self.make(kind.removesuffix("_or_none")) if self.dice.random() < 0.7 else ""
        return self._kinds[kind]()

    @property
    def kinds(self) -> list[str]:
        return list(self._kinds)

    def pool(self, name: str, whole: Sequence[str], least: int = 4, most: int = 1000) -> list[str]:
        """The world's part of a list of names."""
        if name not in self._pools:
            most = min(most, len(whole))
            self._pools[name] = self.dice.sample(list(whole), self.dice.randint(min(least, most), most))
        return self._pools[name]

    def _one(self, name: str, whole: Sequence[str], least: int = 4, most: int = 1000) -> str:
        return self.dice.choice(self.pool(name, whole, least, most))

    def _number(self, digits: int = 6) -> int:
        return int(10 ** self.dice.uniform(0, digits))

    def _letters(self, alphabet: str, length: int) -> str:
        return "".join(self.dice.choice(alphabet) for _ in range(length))

    def _make_int(self) -> str:
        return str(self._number(5))

    def _make_big(self) -> str:
        return str(self._number(15))

    def _make_grouped(self) -> str:
        return f"{self._number(8):,}"

    def _make_float(self) -> str:
        return f"{self.dice.uniform(-5, 500):.{self.dice.randint(1, 5)}f}"

    def _make_percent(self) -> str:
        return f"{self.dice.uniform(0, 100):.{self.dice.randint(0, 2)}f}%"

    def _make_money(self) -> str:
        return self.dice.choice(("$", "€", "£")) + f"{self.dice.uniform(1, 900):.2f}"

    def _make_hex(self) -> str:
        return self._letters("0123456789abcdef", self.dice.choice((7, 8, 12, 16)))

    def _make_pointer(self) -> str:
        return "0x" + self._letters("0123456789abcdef", self.dice.choice((4, 8, 12)))

    def _make_sha(self) -> str:
        return self._letters("0123456789abcdef", self.dice.choice((40, 64)))

    def _make_uuid(self) -> str:
        text = self._letters("0123456789abcdef", 32)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _make_order(self) -> str:
        return self.dice.choice(("ORD-", "A", "#", "")) + str(self.dice.randint(1000, 999_999))

    def _make_ip(self) -> str:
        return ".".join(str(self.dice.randrange(256)) for _ in range(4))

    def _make_address(self) -> str:
        return f"{self._make_ip()}:{self.dice.randint(1024, 65535)}"

    def _make_ipv6(self) -> str:
        if self.dice.random() < 0.4:
            return f"fe80::{self.dice.randrange(1, 65536):x}:{self.dice.randrange(65536):x}"
        return ":".join(f"{self.dice.randrange(65536):x}" for _ in range(8))

    def _make_mac(self) -> str:
        return ":".join(f"{self.dice.randrange(256):02x}" for _ in range(6))

    def _make_host(self) -> str:
        name = self._one("hosts", [*SERVICES, *COLOURS], 8)
        return f"{name}.{self._one('domains', DOMAINS, 2)}"

    def _make_endpoint(self) -> str:
        return f"{self._make_host()}:{self.dice.choice((80, 443, 5432, 6379, 8080, 9092))}"

    def _make_pod(self) -> str:
        letters = "bcdfghjklmnpqrstvwxz2456789"
        return f"{self._one('services', SERVICES)}-{self._letters(letters, 9)}-{self._letters(letters, 5)}"

    def _make_path(self) -> str:
        names = [self.dice.choice(SEGMENTS) for _ in range(self.dice.randint(1, 4))]
        return "/" + "/".join(names) + f"/{self._make_word()}.{self.dice.choice(EXTENSIONS)}"

    def _make_winpath(self) -> str:
        return "C:\\" + "\\".join(self.dice.choice(SEGMENTS) for _ in range(self.dice.randint(1, 3))) + "\\run.exe"

    def _make_route(self) -> str:
        parts = ["api", self.dice.choice(TABLES), self.dice.choice((str(self._number()), self.dice.choice(TABLES)))]
        return "/" + "/".join(parts[: self.dice.randint(2, 3)])

    def _make_url(self) -> str:
        query = ""
        if self.dice.random() < 0.5:
            names = self.dice.sample(("page", "q", "sort", "limit", "lang", "token"), self.dice.randint(1, 3))
            query = "?" + "&".join(f"{name}={self._make_word()}" for name in names)
        return f"{self.dice.choice(('http', 'https'))}://{self._make_host()}{self._make_route()}{query}"

    def _make_timestamp(self) -> str:
        d = self.dice
        date = f"20{d.randint(20, 26)}-{d.randint(1, 12):02d}-{d.randint(1, 28):02d}"
        return f"{date}{d.choice(('T', ' '))}{self._make_clock()}{d.choice(('', 'Z', '+09:00', '.123Z'))}"

    def _make_clock(self) -> str:
        return f"{self.dice.randrange(24):02d}:{self.dice.randrange(60):02d}:{self.dice.randrange(60):02d}"

    def _make_stamp(self) -> str:
        month = self.dice.choice(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"))
        return f"{month} {self.dice.randint(1, 28):2d} {self._make_clock()}"

    def _make_epoch(self) -> str:
        return str(self.dice.randint(1_600_000_000, 1_790_000_000) * self.dice.choice((1, 1000)))

    def _make_duration(self) -> str:
        d = self.dice
        return d.choice((
            f"{self._number(4)}ms", f"{d.uniform(0, 90):.2f}s", f"{d.randint(1, 9)}m{d.randint(0, 59)}s",
            f"{d.randint(1, 23)}h{d.randint(0, 59)}m", f"{d.uniform(1, 900):.1f}µs",
        ))  # fmt: skip

    def _make_elapsed(self) -> str:
        """A length of time as one program writes short and long ones."""
        seconds = 10 ** self.dice.uniform(-2, 4)
        if seconds < 1:
            return "<1 sec"
        return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"

    def _make_ms(self) -> str:
        return f"{self._number(4)}ms"

    def _make_size(self) -> str:
        return f"{self.dice.uniform(1, 900):.1f}{self.dice.choice(('KB', 'MB', 'GB', 'MiB', 'kB'))}"

    def _make_apart(self) -> str:
        return f"{self.dice.uniform(1, 900):.1f} {self.dice.choice(('KB', 'MB', 'GB'))}"

    def _make_version(self) -> str:
        suffix = self.dice.choice(("", "", "-rc1", "-beta.2", "+build.77"))
        return self.dice.choice(("v", "")) + ".".join(str(self.dice.randrange(20)) for _ in range(3)) + suffix

    def _make_email(self) -> str:
        return f"{self.dice.choice(FIRST)}.{self.dice.choice(LAST)}@{self._one('domains', DOMAINS, 2)}"

    def _make_base64(self) -> str:
        raw = bytes(self.dice.randrange(256) for _ in range(self.dice.randint(9, 30)))
        return base64.b64encode(raw).decode()

    def _make_token(self) -> str:
        return self._letters(string.ascii_letters + string.digits, self.dice.randint(16, 40))

    def _make_user(self) -> str:
        return self._one("users", FIRST, 2)

    def _make_person(self) -> str:
        return f"{self.dice.choice(FIRST).title()} {self.dice.choice(LAST).title()}"

    def _make_city(self) -> str:
        return self._one("cities", CITIES, 6)

    def _make_product(self) -> str:
        return self._one("products", PRODUCTS, 6)

    def _make_quoted(self) -> str:
        return f'"{self._one("products", PRODUCTS, 6)}"'

    def _make_colour(self) -> str:
        return self._one("colours", COLOURS, 5)

    def _make_service(self) -> str:
        return self._one("services", SERVICES, 5)

    def _make_table(self) -> str:
        return self._one("tables", TABLES, 5)

    def _make_topic(self) -> str:
        return self._one("topics", TOPICS, 4)

    def _make_region(self) -> str:
        return self._one("regions", REGIONS, 3)

    def _make_plan(self) -> str:
        return self._one("plans", PLANS, 3)

    def _make_flag(self) -> str:
        return self.dice.choice(("true", "false"))

    def _make_method(self) -> str:
        return self.dice.choice(METHODS)

    def _make_thread(self) -> str:
        return self.dice.choice(
            ("main", f"http-nio-8080-exec-{self.dice.randint(1, 40)}", f"pool-2-thread-{self._number(1)}")
        )

    def _make_word(self) -> str:
        return self._one("words", [*COLOURS, *TABLES, *FIRST], 12)

    def _make_object(self) -> str:
        """A value as Java prints it."""
        name = self._one("objects", ("Lease", "Request", "Optional", "Snapshot", "WorkItem"), 2)
        return self.dice.choice(
            (f"{name}{{{self._number(4)}}}", f"{name}[{self._number(4)}]", f"{name}@{self._make_hex()}")
        )

    def _make_few(self) -> str:
        """One of the two to six users of a small installation."""
        return self._one(
            "few", ("root", "admin", "deploy", "backup", "www-data", "guest", "svc_mail", *FIRST[:6]), 2, 6
        )

    def _make_snake(self) -> str:
        return self._drawn("snake", 40, lambda: "_".join(self._parts(1, 3)))

    def _make_type(self) -> str:
        return self._drawn("type", 20, lambda: "".join(part.title() for part in self._parts(1, 3)))

    def _make_module(self) -> str:
        return self._drawn("module", 20, lambda: ".".join(self._parts(2, 4)))

    def _parts(self, least: int, most: int) -> list[str]:
        return self.dice.sample(PARTS, self.dice.randint(least, most))

    def _drawn(self, kind: str, most: int, make: Callable[[], str]) -> str:
        """One of at least three of a kind that are made once."""
        if kind not in self._pools:
            self._pools[kind] = [make() for _ in range(self.dice.randint(3, most))]
        return self.dice.choice(self._pools[kind])

    def _leaf(self) -> str:
        return self.dice.choice(
            (repr(self._make_snake()), str(self._number(3)), "None", "True", repr(self._make_city()))
        )

    def _make_list(self) -> str:
        return "[" + ", ".join(repr(self._make_snake()) for _ in range(self.dice.randint(0, 4))) + "]"

    def _make_tuple(self) -> str:
        return "(" + ", ".join(self._leaf() for _ in range(self.dice.randint(2, 4))) + ")"

    def _make_dict(self) -> str:
        inner = (
            self._leaf() if self.dice.random() < 0.8 else self._make_list() for _ in range(self.dice.randint(0, 4))
        )
        return "{" + ", ".join(f"{self._make_snake()!r}: {value}" for value in inner) + "}"

    def _make_printed_object(self) -> str:
        inner = ", ".join(f"{self._make_snake()}={self._leaf()}" for _ in range(self.dice.randint(1, 4)))
        return f"{self._make_type()}({inner})"

    def _make_printed(self) -> str:
        return self.dice.choice((self._make_list, self._make_dict, self._make_tuple))()

    def _make_quoted_or_empty(self) -> str:
        return f'"{self._make_snake() if self.dice.random() < 0.7 else ""}"'

    def _make_agent(self) -> str:
        return self.dice.choice(("curl/8.4.0", "okhttp/4.12.0", "python-requests/2.31.0", "Go-http-client/1.1"))

    def _make_error(self) -> str:
        """The text of an error: each world has some of them."""
        if "error" not in self._pools:
            self._pools["error"] = self.dice.sample(ERRORS, self.dice.randint(3, len(ERRORS)))
        return SLOT.sub(lambda m: self.make(m.group(1)), self.dice.choice(self._pools["error"]))

    def _make_counted(self) -> str:
        """A number of bytes; from a thousand on, what that is in larger units follows."""
        count = self._number(7)
        return f"{count} bytes ({count / 1024:.1f} KB)" if count >= 1024 else f"{count} bytes"

    def _make_mixed_endpoint(self) -> str:
        short = f"{self._one('hosts', [*SERVICES, *COLOURS], 8)}:{self.dice.choice((80, 443, 5432, 6379))}"
        return self.dice.choice((self._make_endpoint(), self._make_address(), short))

    def _make_invented(self) -> str:
        if "invented" not in self._pools:
            self._pools["invented"] = [self._invented.word() for _ in range(self.dice.randint(5, 60))]
        return self.dice.choice(self._pools["invented"])

    def _make_korean(self) -> str:
        return self._one("korean", KOREAN, 6)

    def _make_korean_city(self) -> str:
        return self._one("korean_cities", KOREAN_CITIES, 5)

    def _make_japanese(self) -> str:
        return self._one("japanese", JAPANESE, 6)

    def _make_japanese_city(self) -> str:
        return self._one("japanese_cities", JAPANESE_CITIES, 5)

    def _make_chinese(self) -> str:
        return self._one("chinese", CHINESE, 6)

    def _make_cyrillic(self) -> str:
        return self._one("cyrillic", CYRILLIC, 6)


class Invented:
    """Words of no language."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice

    def word(self) -> str:
        heads, tails = "b br d dr f fl g gr k kl l m n p pl r s st t tr v w z".split(), "a e i o u ai ea ou".split()
        ends = ["", "", "n", "r", "s", "t", "l", "m", "nd", "st"]
        syllables = (self.dice.choice(heads) + self.dice.choice(tails) for _ in range(self.dice.randint(1, 3)))
        return "".join(syllables) + self.dice.choice(ends)
