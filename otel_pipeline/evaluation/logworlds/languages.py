# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar four: systems that speak Korean, Japanese, Chinese, Russian, German or Spanish, with particles at values and scripts without blanks."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern

KOREAN = {
    "who": "사용자 «korean»가|사용자 «user»가|고객 «korean»님이|관리자 «user»이|계정 «email»이|작업자 «int»번이|서버 «host»가|노드 «pod»가".split(
        "|"
    ),
    "where": " «korean_city»에서| «ip»에서| 창고 «int»호에서| 서비스 «service»에서||||".split("|"),
    "what": "주문 «order»을|결제 «uuid»를|상품 «int»개를|파일 «path»를|세션 «hex»을|쿠폰 «word»를|환불 «int»원을|메시지 «int»건을|배송 «order»을".split(
        "|"
    ),
    "did": "생성했습니다|취소했습니다|처리하지 못했습니다|조회했습니다|승인했습니다|삭제했습니다|전송했습니다|갱신했습니다|거부했습니다".split(
        "|"
    ),
    "more": " (소요 시간 «int»ms)|, 재시도 «int»회|⟦ (시도 «int»/«int»)⟧|: 오류 코드 «int»|. 잔여 «int»건|||||".split(
        "|"
    ),
}
JAPANESE = {
    "who": "ユーザー«japanese»が|顧客«japanese»様が|管理者«user»が|サーバー«host»が|ノード«pod»が|担当者「«japanese»」が|端末«int»号が".split(
        "|"
    ),
    "where": "«japanese_city»で|«ip»から|倉庫«int»で|サービス«service»で||||".split("|"),
    "what": "注文«order»を|決済«uuid»を|商品«int»個を|ファイル«path»を|セッション«hex»を|クーポン«word»を|返金«int»円を|メッセージ«int»件を".split(
        "|"
    ),
    "did": "作成しました|取り消しました|処理できませんでした|照会しました|承認しました|削除しました|送信しました|更新しました|拒否しました".split(
        "|"
    ),
    "more": "(所要時間«int»ms)|、再試行«int»回|⟦(試行«int»/«int»)⟧|:エラーコード«int»|。残り«int»件|||||".split("|"),
}
CHINESE = {
    "who": "用户«chinese»|管理员«user»|客户 «chinese» |节点«pod»|服务器«host»|设备«int»号".split("|"),
    "where": "从«ip»|在仓库«int»|通过服务«service»||||".split("|"),
    "what": "订单«order»|支付«uuid»|文件«path»|会话«hex»|退款«float»元|消息«int»条|优惠券«word»".split("|"),
    "did": "创建成功:|取消了|无法处理|查询了|批准了|删除了|发送了|更新了|拒绝了".split("|"),
    "more": "(耗时«int»毫秒)|,重试«int»次|⟦(第«int»次)⟧|,错误码«int»||||".split("|"),
}
RUSSIAN = {
    "who": "Пользователь «cyrillic»|Оператор «user»|Клиент «cyrillic»|Узел «pod»|Сервер «host»|Устройство «int»".split(
        "|"
    ),
    "where": " с адреса «ip»| на складе «int»| через сервис «service»||||".split("|"),
    "what": "заказ «order»|платёж «uuid»|файл «path»|сеанс «hex»|возврат «float» руб.|«int» сообщений|купон «word»".split(
        "|"
    ),
    "did": "создал|отменил|не смог обработать|запросил|подтвердил|удалил|отправил|обновил|отклонил".split("|"),
    "more": " (заняло «int» мс)|, попытка «int»|⟦ (повтор «int»)⟧|: код ошибки «int»||||".split("|"),
}
GERMAN = {
    "who": "Benutzer «user»|Kunde «person»|Knoten «pod»|Server «host»|Gerät «int»|Dienst «service»".split("|"),
    "where": " in «city»| von «ip»| im Lager «int»||||".split("|"),
    "what": "Bestellung «order»|Zahlung «uuid»|Datei «path»|Sitzung «hex»|Gutschein «word»|«int» Nachrichten".split(
        "|"
    ),
    "did": "hat angelegt:|hat storniert:|konnte nicht verarbeiten:|hat abgefragt:|hat bestätigt:|hat gelöscht:|hat gesendet:".split(
        "|"
    ),
    "more": " (Dauer «int» ms)|, Versuch «int»|⟦ (Wiederholung «int»)⟧|: Fehlercode «int»||||".split("|"),
}
# Order of the parts of a sentence, and what stands between them.
SENTENCES = {
    "korean": (KOREAN, "{who}{where} {what} {did}{more}"),
    "japanese": (JAPANESE, "{who}{where}{what}{did}{more}"),
    "chinese": (CHINESE, "{who}{where}{did}{what}{more}"),
    "russian": (RUSSIAN, "{who}{where} {did} {what}{more}"),
    "german": (GERMAN, "{who}{where} {did} {what}{more}"),
}


def events(dice: Random, language: str) -> list[Event]:
    """Thirty to forty-five events: who, where, did what, and how it went."""
    words, form = SENTENCES[language]
    found: dict[tuple[str, ...], Event] = {}
    wanted = dice.randint(30, 45)
    while len(found) < wanted:
        chosen = {part: dice.choice(options) for part, options in words.items()}
        text = form.format(**chosen)
        found.setdefault((chosen["who"][:4], chosen["did"], chosen["what"][:2]), pattern(text))
    return list(found.values())
