//! The terms of a sale, in the language of the good where there is a text for it.

use semper_shared::commerce::offer::Terms;

use super::config::Config;

/// The terms under which a good in `language` is sold.
pub(super) fn terms(config: &Config, language: &str) -> Terms {
    let (name, url, days) = (&config.name, config.url(), config.refund_days);
    let contact = config.contact.as_deref();
    let text = match language.split('-').next().unwrap_or_default() {
        "de" => german(name, url, days, contact),
        "fr" => french(name, url, days, contact),
        _ => english(name, url, days, contact),
    };
    Terms::new(text)
}

fn english(name: &str, url: &str, days: u16, contact: Option<&str>) -> String {
    let contact = contact.map(|contact| format!("\nContact: {contact}")).unwrap_or_default();
    format!(
        "Seller: {name}, {url}.{contact}\n\
         Goods: the files that this offer lists, in the sizes and formats it names. They are encrypted; you buy the keys.\n\
         Price: the total of this offer, VAT included. There are no other costs.\n\
         Delivery: at once. The seller confirms the payment with a signed receipt and delivers the keys with it.\n\
         Withdrawal: by ordering you ask for delivery at once, and you know that the statutory right of withdrawal from \
         digital content ends with it.\n\
         Refund: if a file is not what this offer promises, write to the seller within {days} days. Your wallet holds \
         the evidence.\n\
         Privacy: the seller learns the order and its time, and nothing about who you are.\n"
    )
}

fn german(name: &str, url: &str, days: u16, contact: Option<&str>) -> String {
    let contact = contact.map(|contact| format!("\nKontakt: {contact}")).unwrap_or_default();
    format!(
        "Verkäufer: {name}, {url}.{contact}\n\
         Ware: die Dateien, die dieses Angebot aufführt, in den genannten Größen und Formaten. Sie sind verschlüsselt; du \
         kaufst die Schlüssel.\n\
         Preis: die Summe dieses Angebots einschließlich Mehrwertsteuer. Weitere Kosten gibt es nicht.\n\
         Lieferung: sofort. Der Verkäufer bestätigt die Zahlung mit einer signierten Quittung und liefert mit ihr die \
         Schlüssel.\n\
         Widerruf: mit der Bestellung verlangst du die sofortige Lieferung und weißt, dass das gesetzliche \
         Widerrufsrecht für digitale Inhalte damit erlischt.\n\
         Erstattung: ist eine Datei nicht, was dieses Angebot verspricht, schreib dem Verkäufer innerhalb von {days} \
         Tagen. Deine Brieftasche hat die Beweise.\n\
         Datenschutz: der Verkäufer erfährt die Bestellung und ihre Zeit, nicht wer du bist.\n"
    )
}

fn french(name: &str, url: &str, days: u16, contact: Option<&str>) -> String {
    let contact = contact.map(|contact| format!("\nContact : {contact}")).unwrap_or_default();
    format!(
        "Vendeur : {name}, {url}.{contact}\n\
         Biens : les fichiers énumérés dans cette offre, aux tailles et formats indiqués. Ils sont chiffrés ; vous \
         achetez les clés.\n\
         Prix : le total de cette offre, TVA comprise. Il n'y a pas d'autres frais.\n\
         Livraison : immédiate. Le vendeur confirme le paiement par un reçu signé et livre les clés avec lui.\n\
         Rétractation : en commandant, vous demandez la livraison immédiate et savez que le droit légal de rétractation \
         pour un contenu numérique prend fin avec elle.\n\
         Remboursement : si un fichier n'est pas ce que promet cette offre, écrivez au vendeur dans les {days} jours. \
         Votre portefeuille détient les preuves.\n\
         Vie privée : le vendeur apprend la commande et son heure, et rien sur votre identité.\n"
    )
}
