//! What operators write: configurations and catalogues.

use std::fs;
use std::path::Path;

use semper_server::config::Config;
use semper_server::merchant::catalogue;

fn in_folder(name: &str, input: &[u8], read: impl FnOnce(&Path)) {
    let Ok(folder) = tempfile::tempdir() else { return };
    if fs::write(folder.path().join("page.html"), "<p>A page.</p>").is_ok()
        && fs::write(folder.path().join(name), input).is_ok()
    {
        read(folder.path());
    }
}

pub(super) fn config(input: &[u8]) {
    in_folder("semper.toml", input, |folder| {
        if let Err(error) = Config::read(&folder.join("semper.toml")) {
            assert!(!error.to_string().is_empty());
        }
    });
}

pub(super) fn catalogue_md(input: &[u8]) {
    catalogue("good.md", input);
}

pub(super) fn catalogue_csv(input: &[u8]) {
    catalogue("catalogue.csv", input);
}

/// What a shop shows of a good has no script in it, and an error names the place.
fn catalogue(name: &str, input: &[u8]) {
    in_folder(name, input, |folder| match catalogue::look(folder) {
        Ok(goods) => {
            for good in goods {
                assert!(!good.description_html.to_ascii_lowercase().contains("<script"), "{}", good.description_html);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    });
}
