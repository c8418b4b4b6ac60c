"""The words of mails that confirm a payment."""

from __future__ import annotations

PAYMENTS: dict[str, tuple[str, str, str, str]] = {
    "confirm_subject": (
        "Payment received: receipt {number} of {seller}", "Zahlung erhalten: Quittung {number} von {seller}",
        "Paiement reçu : reçu {number} de {seller}", "Pago recibido: recibo {number} de {seller}",
    ),
    "confirm_received": (
        "Thank you: your payment of {amount} has reached us. The receipt is attached.",
        "Vielen Dank: Ihre Zahlung über {amount} ist bei uns eingegangen. Die Quittung ist beigefügt.",
        "Merci : votre paiement de {amount} nous est parvenu. Le reçu est joint.",
        "Gracias: hemos recibido su pago de {amount}. Adjuntamos el recibo.",
    ),
    "confirm_left": ("Not applied yet", "Noch nicht zugeordnet", "Pas encore affecté", "Aún sin aplicar"),
    "confirm_sum": ("Payment", "Zahlung", "Paiement", "Pago"),
}
"""By key: English, German, French, Spanish."""
