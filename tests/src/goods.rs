//! A small catalogue, so that a server is ready in an instant.

use std::fs;
use std::path::Path;

use crate::Outcome;

/// The goods of [`write()`]: identifier and price.
pub const GOODS: [(&str, &str); 4] =
    [("letter", "0.01"), ("article", "3.20"), ("course", "12.00"), ("leaflet", "0.00")];

/// The text of a good's first part.
pub fn text(id: &str) -> String {
    format!("<!doctype html><title>{id}</title><p>This is the {id} of the tests.</p>")
}

/// The bytes of the course's recording: more than one record, and not a whole number of them.
pub fn recording() -> Vec<u8> {
    (0..300_007_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// Writes the catalogue into `folder`.
///
/// # Errors
/// Where the disk refuses.
pub fn write(folder: &Path) -> Outcome {
    fs::create_dir_all(folder.join("parts"))?;
    fs::write(folder.join("parts/recording.bin"), recording())?;
    for (number, (id, price)) in GOODS.into_iter().enumerate() {
        fs::write(folder.join(format!("parts/{id}.html")), text(id))?;
        let recording = if id == "course" {
            "[[part]]\nfile = \"parts/recording.bin\"\ntitle = \"The recording\"\nmedia_type = \"application/octet-stream\"\n"
        } else {
            ""
        };
        let card = format!(
            "+++\nid = \"{id}\"\ntitle = \"The {id}\"\nsummary = \"A {id} for the tests.\"\nkind = \"article\"\n\
             language = \"en\"\nprice = \"{price}\"\ncurrency = \"EUR\"\nvat_rate = \"7\"\norder = {number}\n\
             [[part]]\nfile = \"parts/{id}.html\"\ntitle = \"The {id}\"\nmedia_type = \"text/html\"\n{recording}+++\n\
             What the {id} is about.\n"
        );
        fs::write(folder.join(format!("{id}.md")), card)?;
    }
    Ok(())
}

/// Has a good paid out to the account of this label.
///
/// # Errors
/// Where the disk refuses.
pub fn pay_to(folder: &Path, good: &str, label: &str) -> Outcome {
    let card = folder.join(format!("{good}.md"));
    let text = fs::read_to_string(&card)?.replacen("+++\n", &format!("+++\naccount = \"{label}\"\n"), 1);
    Ok(fs::write(card, text)?)
}
