//! What people do: offer, order, deal, receipt.
