"""How a made-up system calls its services, operations and customers."""

from collections.abc import Callable

import numpy as np

# one line a field of business; each noun in English, Korean and Japanese
_TEXT = """
    booking 예약 予約  ticket 승차권 切符  platform 승강장 ホーム  seat 좌석 座席
    patient 환자 患者  ward 병동 病棟  lab 검사 検査  prescription 처방 処方
    ledger 원장 元帳  transfer 이체 送金  card 카드 カード  fraud 사기탐지 不正検知
    parcel 소포 小包  route 경로 経路  depot 창고 倉庫  customs 통관 税関
    match 경기 試合  lobby 대기실 ロビー  player 선수 選手  score 점수 得点
    article 기사 記事  comment 댓글 コメント  feed 피드 フィード  image 이미지 画像
    meter 계량기 計器  tariff 요금 料金  invoice 청구서 請求書  contract 계약 契約
    device 장치 端末  firmware 펌웨어 更新  alarm 경보 警報  profile 프로필 プロフィール
    session 세션 セッション  consent 동의 同意  address 주소 住所  mail 메일 メール
    search 검색 検索  quota 할당 割当  report 보고서 報告  export 내보내기 出力
"""
_WORDS = _TEXT.split()
NOUNS = tuple(zip(_WORDS[::3], _WORDS[1::3], _WORDS[2::3], strict=True))
VERBS = ("get", "list", "create", "update", "check", "resolve", "sync", "count", "validate", "render", "quote", "find")
STYLES = ("dashes", "dotted", "camel", "snake", "numbers", "korean", "japanese", "namespaced", "slash")
OPERATIONS = ("http", "grpc", "method", "plain", "path")
COMPANIES = ("acme", "nimbus", "tetra", "kobold", "orion", "lumen")
STATEMENTS = ("SELECT", "INSERT", "UPDATE", "SELECT", "SELECT")
CUSTOMER_KEYS = ("tenant.id", "customer", "app.account_id", "org", "enduser.id", "client.name", "고객.id")


def service(style: str, number: int, noun: tuple[str, str, str], rng: np.random.Generator) -> str:
    """Name of a service."""
    word = noun[0]
    company = COMPANIES[0]
    tail = ("", "-service", "-api", "-svc")[int(rng.integers(4))]
    named: dict[str, Callable[[], str]] = {
        "dashes": lambda: word + tail,
        "dotted": lambda: f"com.{company}.{word}",
        "camel": lambda: word.capitalize() + ("Service", "Gateway", "Manager", "Api")[int(rng.integers(4))],
        "snake": lambda: f"{word}_{('api', 'worker', 'core')[int(rng.integers(3))]}",
        "numbers": lambda: f"ms{100 + number * 7}",
        "korean": lambda: noun[1] + ("-서비스" if rng.random() < 0.7 else ""),
        "japanese": lambda: noun[2] + ("サービス" if rng.random() < 0.7 else ""),
        "namespaced": lambda: word,
        "slash": lambda: f"{company}/{word}",
    }
    return named[style]()


def operation(style: str, noun: tuple[str, str, str], verb: str, rng: np.random.Generator) -> str:
    """Name of an operation of a service that deals with something."""
    word = noun[0]
    method = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT"}.get(
        verb, ("GET", "POST")[int(rng.integers(2))]
    )
    named = {
        "http": f"{method} /v{rng.integers(1, 3)}/{word}s/{verb}/{{id}}",
        "grpc": f"{COMPANIES[1]}.{word.capitalize()}/{verb.capitalize()}{word.capitalize()}",
        "method": f"{word.capitalize()}Controller.{verb}{word.capitalize()}",
        "plain": f"{verb} {word}",
        "path": f"/{word}/{verb}",
    }
    return named[style]


def customers(count: int, rng: np.random.Generator) -> list[str]:
    """Names of customers."""
    form = ("c-{:05d}", "tenant{}", "{:08x}", "고객{}", "org_{}")[int(rng.integers(5))]
    return [form.format(int(n)) for n in rng.choice(90_000, count, replace=False) + 1000]
