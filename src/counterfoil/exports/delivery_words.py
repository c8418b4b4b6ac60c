"""The words of what goes out by mail: the letter, and the usage log that may come with it."""

from __future__ import annotations

DELIVERY: dict[str, tuple[str, str, str, str]] = {
    "mail_subject": ("{title} {number} from {seller}", "{title} {number} von {seller}", "{title} {number} de {seller}",
                     "{title} {number} de {seller}"),
    "mail_hello": ("Hello,", "Guten Tag,", "Bonjour,", "Buenos días:"),
    "mail_INVOICE": (
        "please find attached invoice {number} from {seller}.",
        "anbei erhalten Sie die Rechnung {number} von {seller}.",
        "veuillez trouver ci-joint la facture {number} de {seller}.",
        "adjuntamos la factura {number} de {seller}.",
    ),
    "mail_DEBIT": (
        "please find attached debit note {number} from {seller}.",
        "anbei erhalten Sie die Nachbelastung {number} von {seller}.",
        "veuillez trouver ci-joint la note de débit {number} de {seller}.",
        "adjuntamos la nota de débito {number} de {seller}.",
    ),
    "mail_CREDIT": (
        "please find attached credit note {number} from {seller}. No payment is needed.",
        "anbei erhalten Sie die Gutschrift {number} von {seller}. Es ist keine Zahlung nötig.",
        "veuillez trouver ci-joint l’avoir {number} de {seller}. Aucun paiement n’est nécessaire.",
        "adjuntamos la factura rectificativa {number} de {seller}. No es necesario ningún pago.",
    ),
    "mail_online": (
        "See it online, with the usage behind it and its proof:",
        "Online ansehen, mit der Nutzung dahinter und dem Nachweis:",
        "Consultez-la en ligne, avec l’usage et la preuve :",
        "Véala en línea, con el uso y la prueba:",
    ),
    "mail_open": ("View online", "Online ansehen", "Consulter en ligne", "Ver en línea"),
    "mail_usage": (
        "The usage log is attached.",
        "Das Nutzungsprotokoll ist angehängt.",
        "Le journal d’usage est joint.",
        "Se adjunta el registro de uso.",
    ),
    "mail_usage_online": (
        "The usage log has {n} events, too many for a mail. It can be downloaded online.",
        "Das Nutzungsprotokoll hat {n} Ereignisse, zu viele für eine E-Mail. Es kann online heruntergeladen werden.",
        "Le journal d’usage compte {n} événements, trop pour un courriel. Il peut être téléchargé en ligne.",
        "El registro de uso tiene {n} eventos, demasiados para un correo. Se puede descargar en línea.",
    ),
    "mail_test": (
        "This is a test. It would have gone to {to}.",
        "Dies ist ein Test. Die E-Mail wäre an {to} gegangen.",
        "Ceci est un test. Ce courriel aurait été envoyé à {to}.",
        "Esto es una prueba. El correo se habría enviado a {to}.",
    ),
    "mail_regards": ("Kind regards", "Mit freundlichen Grüßen", "Cordialement", "Un cordial saludo"),
    "usage_log": ("Usage log", "Nutzungsprotokoll", "Journal d’usage", "Registro de uso"),
    "usage_to": ("to {title} {number}", "zu {title} {number}", "de : {title} {number}", "de: {title} {number}"),
    "usage_at": ("Time ({zone})", "Zeit ({zone})", "Heure ({zone})", "Hora ({zone})"),
    "usage_what": ("Usage", "Nutzung", "Usage", "Uso"),
    "usage_key": ("Reported as", "Gemeldet als", "Déclaré sous", "Notificado como"),
    "usage_details": ("Details", "Angaben", "Détails", "Detalles"),
    "usage_all": ("{n} events", "{n} Ereignisse", "{n} événements", "{n} eventos"),
    "usage_some": (
        "The first {shown} of {n} events. The complete log is online:",
        "Die ersten {shown} von {n} Ereignissen. Das vollständige Protokoll steht online:",
        "Les {shown} premiers de {n} événements. Le journal complet est en ligne :",
        "Los primeros {shown} de {n} eventos. El registro completo está en línea:",
    ),
}
"""By key: English, German, French, Spanish."""
