"""The words of mails about what is not paid, plainer from stage to stage and never rude."""

from __future__ import annotations

DUNNING: dict[str, tuple[str, str, str, str]] = {
    "remind_subject_upcoming": (
        "{title} {number} is due on {due}", "{title} {number} ist am {due} fällig", "{title} {number} : "
        "échéance le {due}",
        "{title} {number} vence el {due}",
    ),
    "remind_subject_first": (
        "Reminder: {title} {number}", "Zahlungserinnerung: {title} {number}", "Rappel : {title} {number}",
        "Recordatorio: {title} {number}",
    ),
    "remind_subject_second": (
        "Second reminder: {title} {number}", "Zweite Mahnung: {title} {number}", "Deuxième rappel : {title} {number}",
        "Segundo recordatorio: {title} {number}",
    ),
    "remind_subject_final": (
        "Final reminder: {title} {number}", "Letzte Mahnung: {title} {number}", "Dernier rappel : {title} {number}",
        "Último recordatorio: {title} {number}",
    ),
    "remind_subject_card": (
        "Please update your payment method: {title} {number}", "Bitte Zahlungsmittel erneuern: {title} {number}",
        "Veuillez mettre à jour votre moyen de paiement : {title} {number}", "Actualice su medio de pago: "
        "{title} {number}",
    ),
    "remind_subject_campaign": (
        "{n} open documents of {seller}", "{n} offene Belege von {seller}", "{n} documents en attente de "
        "paiement de {seller}",
        "{n} documentos pendientes de {seller}",
    ),
    "remind_upcoming": (
        "a short notice: {number} from {seller} is due on {due}. If you have paid already, there is nothing to do.",
        "zur Erinnerung: {number} von {seller} ist am {due} fällig. Falls Sie schon gezahlt haben, ist nichts zu tun.",
        "un petit rappel : {number} de {seller} arrive à échéance le {due}. Si vous avez déjà payé, il n’y a "
        "rien à faire.",
        "un breve aviso: {number} de {seller} vence el {due}. Si ya ha pagado, no tiene que hacer nada.",
    ),
    "remind_first": (
        "{number} from {seller} was due on {due}, and we have not received the whole payment yet. It may have "
        "slipped your mind: "
        "please pay the amount below. If your payment is on its way, thank you.",
        "{number} von {seller} war am {due} fällig, die Zahlung ist noch nicht vollständig eingegangen. Sicher "
        "ist es nur "
        "untergegangen: Bitte begleichen Sie den unten genannten Betrag. Falls er schon unterwegs ist, vielen Dank.",
        "{number} de {seller} était à payer le {due} et nous n’avons pas encore reçu la totalité du paiement. "
        "Il s’agit sans doute "
        "d’un oubli : merci de régler le montant ci-dessous. Si votre paiement est en route, nous vous en remercions.",
        "{number} de {seller} venció el {due} y aún no hemos recibido el pago completo. Seguramente se trata de "
        "un olvido: le "
        "rogamos que abone el importe indicado abajo. Si su pago está en camino, muchas gracias.",
    ),
    "remind_second": (
        "{number} from {seller} is still open, although it was due on {due}. Please pay the amount below now, "
        "or tell us what "
        "keeps you from it.",
        "{number} von {seller} ist noch offen, obwohl die Zahlung am {due} fällig war. Bitte zahlen Sie den "
        "unten genannten Betrag "
        "jetzt, oder sagen Sie uns, was dem entgegensteht.",
        "{number} de {seller} reste impayé, bien que l’échéance ait été le {due}. Merci de régler maintenant le "
        "montant ci-dessous, "
        "ou de nous dire ce qui s’y oppose.",
        "{number} de {seller} sigue pendiente, aunque venció el {due}. Le rogamos que pague ahora el importe "
        "indicado abajo, o que "
        "nos diga qué se lo impide.",
    ),
    "remind_final": (
        "{number} from {seller} was due on {due} and is still not paid. This is our last reminder: without your "
        "payment we may have "
        "to stop the service. Please pay the amount below at once.",
        "{number} von {seller} war am {due} fällig und ist noch immer nicht bezahlt. Dies ist unsere letzte "
        "Mahnung: Ohne Ihre Zahlung "
        "müssen wir die Leistung gegebenenfalls einstellen. Bitte zahlen Sie den unten genannten Betrag umgehend.",
        "{number} de {seller} était à payer le {due} et ne l’est toujours pas. Ceci est notre dernier rappel : "
        "sans paiement de votre "
        "part, nous pourrions devoir interrompre le service. Merci de régler sans délai le montant ci-dessous.",
        "{number} de {seller} venció el {due} y sigue sin pagarse. Este es nuestro último recordatorio: sin su "
        "pago, es posible que "
        "tengamos que suspender el servicio. Le rogamos que pague de inmediato el importe indicado abajo.",
    ),
    "remind_card": (
        "we could not charge your payment method for {number} from {seller}. Please open the document with the "
        "link below, and pay "
        "there with another card or account.",
        "Ihr Zahlungsmittel konnte für {number} von {seller} nicht belastet werden. Bitte öffnen Sie den Beleg "
        "mit dem Link unten und "
        "zahlen Sie dort mit einer anderen Karte oder einem anderen Konto.",
        "nous n’avons pas pu débiter votre moyen de paiement pour {number} de {seller}. Merci d’ouvrir le "
        "document avec le lien "
        "ci-dessous et d’y payer avec une autre carte ou un autre compte.",
        "no hemos podido cargar {number} de {seller} en su medio de pago. Abra el documento con el enlace de "
        "abajo y pague allí con "
        "otra tarjeta o cuenta.",
    ),
    "remind_campaign": (
        "the documents below from {seller} are overdue. Please pay them, or tell us what keeps you from it. If "
        "your payment is on "
        "its way, thank you.",
        "die unten aufgeführten Belege von {seller} sind überfällig. Bitte begleichen Sie sie, oder sagen Sie "
        "uns, was dem "
        "entgegensteht. Falls die Zahlung schon unterwegs ist, vielen Dank.",
        "les documents ci-dessous de {seller} sont en retard de paiement. Merci de les régler, ou de nous dire "
        "ce qui s’y oppose. Si "
        "votre paiement est en route, nous vous en remercions.",
        "los documentos indicados abajo de {seller} han vencido. Le rogamos que los pague, o que nos diga qué "
        "se lo impide. Si su pago "
        "está en camino, muchas gracias.",
    ),
    "remind_online": (
        "See it and pay online:", "Online ansehen und bezahlen:", "Consulter et payer en ligne :", "Ver y pagar "
        "en línea:",
    ),
    "remind_open": ("Open amount", "Offener Betrag", "Montant restant dû", "Importe pendiente"),
    "remind_sum": ("Total in {currency}", "Summe in {currency}", "Total en {currency}", "Total en {currency}"),
    "remind_row": ("{number}, due {due}", "{number}, fällig am {due}", "{number}, échéance {due}", "{number}, "
    "vence el {due}"),
}
"""By key: English, German, French, Spanish."""
