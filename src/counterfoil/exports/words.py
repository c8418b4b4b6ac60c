"""The words of a document in the languages we have them in. A language without words of its own gets English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_COLUMNS = ("en", "de", "fr", "es")

_TABLE: dict[str, tuple[str, str, str, str]] = {
    "INVOICE": ("Invoice", "Rechnung", "Facture", "Factura"),
    "CREDIT": ("Credit note", "Gutschrift", "Avoir", "Factura rectificativa (abono)"),
    "DEBIT": ("Debit note", "Nachbelastung", "Note de débit", "Nota de débito"),
    "preview": ("Preview", "Vorschau", "Aperçu", "Vista previa"),
    "bill_to": ("Bill to", "Rechnungsempfänger", "Facturé à", "Facturar a"),
    "from": ("From", "Von", "De", "De"),
    "number": ("Number", "Nummer", "Numéro", "Número"),
    "issued_on": ("Issue date", "Rechnungsdatum", "Date d’émission", "Fecha de emisión"),
    "due_on": ("Due date", "Fällig am", "Échéance", "Vencimiento"),
    "period": ("Service period", "Leistungszeitraum", "Période de service", "Periodo de servicio"),
    "partial": ("partial period", "anteiliger Zeitraum", "période partielle", "periodo parcial"),
    "contract": ("Contract", "Vertrag", "Contrat", "Contrato"),
    "version": ("version {n}", "Fassung {n}", "version {n}", "versión {n}"),
    "po_number": ("PO number", "Bestellnummer", "N° de commande", "N.º de pedido"),
    "corrects": ("Corrects", "Berichtigt", "Rectifie", "Rectifica"),
    "tax_id": ("Tax ID", "USt-IdNr.", "N° de TVA", "NIF/IVA"),
    "item": ("Item", "Leistung", "Désignation", "Concepto"),
    "quantity": ("Quantity", "Menge", "Quantité", "Cantidad"),
    "unit_price": ("Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario"),
    "as_below": ("as below", "siehe unten", "voir ci-dessous", "ver abajo"),
    "amount": ("Amount", "Betrag", "Montant", "Importe"),
    "events": ("{n} usage events", "{n} Nutzungsereignisse", "{n} événements d’usage", "{n} eventos de uso"),
    "event": ("1 usage event", "1 Nutzungsereignis", "1 événement d’usage", "1 evento de uso"),
    "sealed": ("sealed under", "versiegelt unter", "scellés sous", "sellados con"),
    "how": ("How this amount came about", "So ergibt sich dieser Betrag", "Détail du calcul", "Cómo se calcula"),
    "rounding": ("rounded once, to", "einmal gerundet, auf", "arrondi une fois, à", "redondeado una vez, a"),
    "line_of": ("Line {n} of {document}", "Position {n} von {document}", "Ligne {n} de {document}",
                "Línea {n} de {document}"),
    "before": ("Before", "Bisher", "Avant", "Antes"),
    "after": ("After", "Neu", "Après", "Después"),
    "reason": ("Reason", "Grund", "Motif", "Motivo"),
    "sub_total": ("Subtotal", "Zwischensumme", "Sous-total", "Subtotal"),
    "discount": ("Discount", "Rabatt", "Remise", "Descuento"),
    "net": ("Net total", "Nettobetrag", "Total HT", "Base imponible"),
    "tax": ("Tax", "USt.", "TVA", "IVA"),
    "tax_summary": ("Tax summary", "Steuerübersicht", "Récapitulatif des taxes", "Resumen de impuestos"),
    "rate": ("Rate", "Satz", "Taux", "Tipo"),
    "base": ("Taxable amount", "Bemessungsgrundlage", "Base imposable", "Base imponible"),
    "total": ("Total", "Gesamtbetrag", "Total TTC", "Total"),
    "credits": ("Credits applied", "Verrechnete Guthaben", "Crédits déduits", "Créditos aplicados"),
    "due_INVOICE": ("Amount due", "Zahlbetrag", "Montant à payer", "Importe a pagar"),
    "due_DEBIT": ("Amount due", "Zahlbetrag", "Montant à payer", "Importe a pagar"),
    "due_CREDIT": ("Amount credited", "Gutschriftsbetrag", "Montant crédité", "Importe abonado"),
    "payment": ("Payment", "Zahlung", "Paiement", "Pago"),
    "terms": (
        "Payable within {days} days of the issue date, by {due}. Please quote {number}.",
        "Zahlbar innerhalb von {days} Tagen ab Rechnungsdatum, bis {due}. Bitte geben Sie {number} an.",
        "Payable sous {days} jours à compter de la date d’émission, au plus tard le {due}. Merci d’indiquer {number}.",
        "Pagadero en un plazo de {days} días desde la fecha de emisión, antes del {due}. Indique {number}, por favor.",
    ),
    "terms_now": (
        "Payable on receipt, by {due}. Please quote {number}.",
        "Zahlbar sofort, bis {due}. Bitte geben Sie {number} an.",
        "Payable à réception, au plus tard le {due}. Merci d’indiquer {number}.",
        "Pagadero a la recepción, antes del {due}. Indique {number}, por favor.",
    ),
    "terms_credit": (
        "This amount is credited to you. No payment is needed.",
        "Dieser Betrag wird Ihnen gutgeschrieben. Es ist keine Zahlung nötig.",
        "Ce montant est porté à votre crédit. Aucun paiement n’est nécessaire.",
        "Este importe se abona a su favor. No es necesario ningún pago.",
    ),
    "terms_nothing": ("Nothing to pay.", "Es ist nichts zu zahlen.", "Rien à payer.", "No hay nada que pagar."),
    "notes": ("Notes", "Hinweise", "Remarques", "Notas"),
    "online": (
        "View, download the usage and check the proof online",
        "Online ansehen, Nutzung laden und Nachweis prüfen",
        "Consulter en ligne, télécharger l’usage et vérifier la preuve",
        "Ver en línea, descargar el uso y comprobar la prueba",
    ),
    "page": ("Page {n} of {total}", "Seite {n} von {total}", "Page {n} sur {total}", "Página {n} de {total}"),
    # Categories of EN 16931 (UNTDID 5305).
    "tax_S": ("Standard", "Regelsatz", "Taux normal", "General"),
    "tax_Z": ("Zero rated", "Nullsatz", "Taux zéro", "Tipo cero"),
    "tax_E": ("Exempt from tax", "Steuerfrei", "Exonéré", "Exento"),
    "tax_AE": ("Reverse charge", "Steuerschuldnerschaft des Leistungsempfängers", "Autoliquidation",
               "Inversión del sujeto pasivo"),
    "tax_K": ("Intra-community supply", "Innergemeinschaftliche Lieferung", "Livraison intracommunautaire",
              "Entrega intracomunitaria"),
    "tax_G": ("Export outside the EU", "Ausfuhr außerhalb der EU", "Exportation hors UE", "Exportación fuera de la UE"),
    "tax_O": ("Not subject to tax", "Nicht steuerbar", "Hors champ de la taxe", "No sujeto"),
    # The stable reasons of `Part.why`.
    "why_per_unit": ("per unit", "je Einheit", "à l’unité", "por unidad"),
    "why_flat": ("flat fee", "Pauschale", "forfait", "tarifa fija"),
    "why_flat_fee": ("flat fee", "Pauschale", "forfait", "tarifa fija"),
    "why_tier": ("tier", "Staffel", "palier", "tramo"),
    "why_package": ("package", "Paket", "lot", "paquete"),
    "why_included": ("included", "inklusive", "inclus", "incluido"),
    "why_minimum": ("minimum", "Mindestbetrag", "minimum", "mínimo"),
    "why_maximum": ("maximum", "Höchstbetrag", "plafond", "máximo"),
    "why_prorated": ("prorated", "anteilig", "au prorata", "prorrateado"),
}


def _of(column: int) -> Mapping[str, str]:
    return MappingProxyType({key: row[column] for key, row in _TABLE.items()})


WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({name: _of(i) for i, name in enumerate(_COLUMNS)})
"""By language, then by key."""
