//! The published test vectors, run natively.
#![allow(clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use semper_shared::vectors::run;

/// Every vector: its module, its file and its text.
fn all() -> std::io::Result<Vec<(String, PathBuf, String)>> {
    let mut vectors = Vec::new();
    for module in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))? {
        let module = module?;
        if !module.file_type()?.is_dir() {
            continue;
        }
        let name = module.file_name().to_string_lossy().into_owned();
        for file in fs::read_dir(module.path())? {
            let path = file?.path();
            let text = fs::read_to_string(&path)?;
            vectors.push((name.clone(), path, text));
        }
    }
    vectors.sort();
    Ok(vectors)
}

#[test]
fn every_vector_holds() -> std::io::Result<()> {
    let vectors = all()?;
    assert!(!vectors.is_empty());
    let failed: Vec<_> = vectors
        .iter()
        .filter_map(|(module, path, text)| {
            let error = run(module, text).err()?;
            Some(format!("{}: {error}", path.display()))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} vectors failed:\n{}", failed.len(), vectors.len(), failed.join("\n"));
    Ok(())
}

/// The runner itself can fail: no vector holds with another outcome, or another output.
#[test]
fn no_vector_holds_otherwise() -> Result<(), Box<dyn std::error::Error>> {
    for (module, path, text) in all()? {
        let mut vector: serde_json::Value = serde_json::from_str(&text)?;
        let was_ok = vector["expect"] == "ok";
        vector["expect"] = if was_ok { "internal" } else { "ok" }.into();
        assert!(run(&module, &vector.to_string()).is_err(), "{} with another outcome", path.display());
        if was_ok {
            vector["expect"] = "ok".into();
            vector["output"] = "another".into();
            assert!(run(&module, &vector.to_string()).is_err(), "{} with another output", path.display());
        }
    }
    Ok(())
}
