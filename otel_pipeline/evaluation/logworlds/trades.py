# Lists of words read best in lines.
# ruff: noqa: E501
"""Grammar six: templates written by hand, of hospitals, banks, railways, factories and games; every line in the form that its trade
would use: colons, bars, access logs, XML, records in the middle of a line, several lines, other alphabets."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern

TEMPLATES = """
Patient «person» admitted to ward «colour» bed «int»
Patient «person» discharged from ward «colour»
Vital signs of «person»: pulse «int», temperature «float», SpO2 «percent»
Prescription «order» for «person» signed by Dr. «user»
Prescription «order» for «person» rejected: dosage exceeds limit
Lab result «uuid» received from analyzer «colour» in «duration»
Allergy alert: «person» / «invented»
HL7 message ADT^A01 accepted from «host» control id «big»
HL7 message ORU^R01 refused from «host» control id «big»: «invented»
Bed «int» in ward «colour» cleaned by «user»
Transfer of «money» from account «big» to account «big» booked
Transfer of «money» from account «big» to account «big» held for review by «user»
Card ending «int» blocked after «int» wrong PINs
ATM «order» in «city» is out of cash
ATM «order» in «city» refilled with «grouped» by team «colour»
Interest run for branch «city» finished: «grouped» accounts, «duration»
SWIFT MT103 «token» sent to «invented»
SWIFT MT103 «token» acknowledged by «invented»
Rate «float» published for pair «invented»/«invented»
AML score «float» for customer «person» below threshold
AML score «float» for customer «person» above threshold, case «order» opened
Train «int» departed «city» platform «int» delay «int» min
Train «int» arrived at «city» platform «int» delay «int» min
Signal «order» at «city» changed aspect
Switch «order» at «city» does not lock
Crew «user», «user» assigned to train «int»
Track section «hex» occupied by train «int»
Track section «hex» free
Ticket «uuid» sold: «city» -> «city», «money»
Ticket «uuid» refunded: «money»
Machine «invented» spindle speed «int» rpm out of tolerance
Machine «invented» tool «int» changed by «user»
Machine «invented» entered maintenance⟦ (planned)⟧
Batch «order» of «product» passed inspection «int»/«int»
Batch «order» of «product» failed inspection «int»/«int»
PLC «ip» register «pointer» read timeout
PLC «ip» register «pointer» write ok value «int»
Conveyor «colour» stopped: emergency button pressed
Conveyor «colour» running at «float» m/s
Sensor «mac» battery «percent»
Sensor «mac» joined network «invented» channel «int»
Sensor «mac» lost
Player «user» joined server «region»
Player «user» left server «region» (played «duration»)
Player «user» defeated «user» with «colour» sword
Match «uuid» started with players «user+»
Match «uuid» ended, winner «user», score «int»:«int»
Achievement unlocked: «user» - «product»
Guild «invented» promoted «user» to officer
Item «product» traded from «user» to «user» for «int» gold
Anti-cheat flagged «user» (confidence «percent»)
«ip» - «user» [«stamp»] "GET «route» HTTP/1.1" «int» «int»
«ip» - «user» [«stamp»] "POST «route» HTTP/1.1" «int» «int»
«timestamp» | WARN | scheduler | job «word» skipped | previous run still active
«timestamp» | INFO | scheduler | job «word» done | «duration»
«timestamp» | INFO | replication | lag «int» s | peer «host»
«timestamp» | ERROR | replication | peer «host» unreachable | retry in «duration»
<event type="login"><user>«user»</user><ip>«ip»</ip></event>
<event type="logout"><user>«user»</user></event>
<event type="transfer"><from>«user»</from><to>«user»</to><amount>«float»</amount></event>
request: id=«uuid» user=«user» body={"city":"«city»","items":«int»}
response: id=«uuid» status=«int»⟦ error="«product»"⟧ took=«ms»
state: name=«word», phase=«colour», replicas=«int»⟦, paused=«flag»⟧
user: «user», role: «plan», city: «city»
device: «mac», firmware: «version», rssi: «float»
Deprecated option --«colour» used by «user»
Branch «city» reports «int» customers
Branch «city» closed early
Depot «city» expects «int» parcels in «elapsed»
Upload of statement «order» failed: «error»
Label printer «colour» answers: «error»
Import of price list «path» stopped (reason: «error»)
Telemetry of turbine «int» lost: «error»
Courses taken by «person»: «list»
Filters of station «invented»: «dict»
Mail to «email» bounced
Mail from «email» accepted
Nurse «few» opened record «order»
Operator user «few» signed in at gate «int»
Operator user «few» signed out at gate «int»
Feed of user «few» rebuilt in «elapsed»
panic: runtime error: index out of range «pair»\\n\\ngoroutine «int» [running]:\\nmain.handle(«pointer»)
Traceback (most recent call last):\\n  File "«path»", line «int», in «word»\\n    run()\\nValueError: bad literal «invented»
Traceback (most recent call last):\\n  File "«path»", line «int», in «word»\\n    get()\\nKeyError: '«word»'
Unhandled promise rejection: Error: connect ECONNREFUSED «address»
Query plan for «table» changed from «hex» to «hex»
Index «table»_«colour»_idx rebuilt in «duration»
Deadlock between transaction «big» and transaction «big» on «table»
Vacuum of «table» removed «int» row versions
WAL segment «hex» archived to «path»
Backup of «service» to «url» finished, «size» in «duration»
Backup of «service» to «url» aborted
Quota of «user» at «percent» («size» of «size»)
DNS lookup for «host» took «ms»
DNS lookup for «host» failed
TLS handshake with «address» failed: certificate expired «timestamp»
TLS handshake with «address» failed: unknown authority
Scaling «service» from «int» to «int» replicas
Pod «pod» evicted: node «host» under memory pressure
Pod «pod» scheduled on node «host»
Image «service»:«version» pulled in «duration»
Probe of «pod» returned «int» («int» of «int»)
Volume «hex» attached to node «host»
Volume «hex» detached from node «host»
Secret «word» rotated by «user»
Cron «word» next run at «timestamp»
Usuario «user» inició sesión desde «ip»
Usuario «user» cerró la sesión
Pedido «order» enviado a «city» por «service»
Fichier «path» introuvable pour l'utilisateur «user»
Commande «order» expédiée à «city» en «duration»
Paiement «uuid» refusé : solde insuffisant
تم تسجيل دخول المستخدم «user» من «ip»
فشل الدفع رقم «order» للعميل «user»
उपयोगकर्ता «user» ने लॉगिन किया («ip»)
भुगतान «order» विफल
Χρήστης «user» συνδέθηκε από «ip»
Помилка оплати «order» для клієнта «cyrillic»
สั่งซื้อ «order» สำเร็จ โดย «user»
""".strip().split("\n")


def events(dice: Random) -> list[Event]:
    """Thirty-five to forty-five of the hundred."""
    chosen = dice.sample(TEMPLATES, dice.randint(35, 45))
    return [pattern(text.replace("«pair»", "[«int»]").replace("\\n", "\n")) for text in chosen]
