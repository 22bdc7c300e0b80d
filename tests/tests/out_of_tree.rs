//! A payment module outside the project: the template is copied into a crate of its own, registered, negotiated and paid
//! with through the real wallet and the real merchant, and no file of the project knows it.

use std::fs;
use std::path::Path;
use std::process::Command;

use semper_tests::Outcome;
use serde_json::Value;

const NAME: &str = "barter";

#[test]
fn a_copied_module_pays_without_an_edit_to_the_core() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("crate/src");
    fs::create_dir_all(source.join(NAME))?;
    copy_template(&root.join("shared/src/items/payment/dummy"), &source.join(NAME))?;
    fs::copy(root.join("tests/out-of-tree/main.rs"), source.join("main.rs"))?;
    fs::write(folder.path().join("crate/Cargo.toml"), manifest(&root)?)?;
    // The same versions of everything, so that the network is not needed.
    fs::copy(root.join("Cargo.lock"), folder.path().join("crate/Cargo.lock"))?;

    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder.path().join("crate")).args(["run", "--quiet", "--offline", "--target-dir"]);
    cargo.arg(target()?).arg("--").arg(folder.path());
    let output = cargo.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told: Value = serde_json::from_slice(&output.stdout)?;

    let methods = told["methods"].as_array().ok_or("the ways to pay")?;
    let barter = methods.iter().find(|method| method["module"] == NAME).ok_or("the copy is negotiated")?;
    assert_eq!(barter["usable"], true);
    assert_eq!(told["bought"]["state"], "delivered");
    assert_eq!(told["bought"]["paid"]["minor"], 320);
    assert_eq!(told["deals"][0]["state"], "acknowledged");
    let evidence = told["evidence"]["statements"].as_array().ok_or("the evidence")?;
    let receipt = evidence.iter().find(|said| said["typ"] == "semper-receipt+jwt").ok_or("the receipt")?;
    assert_eq!(receipt["payload"]["module"], NAME, "{receipt}");
    Ok(())
}

/// As somebody would begin a module of their own: the folder, its names, and whose crate it uses.
fn copy_template(from: &Path, to: &Path) -> Outcome {
    let mut copied = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?
            .replace("crate::", "semper_shared::")
            .replace("Dummy", "Barter")
            .replace("\"dummy\"", &format!("{NAME:?}"));
        fs::write(to.join(entry.file_name()), text)?;
        copied += 1;
    }
    assert!(copied > 2, "the template is a folder of files");
    Ok(())
}

/// Outside the project's workspace; with its profiles, so that what was compiled for it is compiled.
fn manifest(root: &Path) -> Outcome<String> {
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let profiles = workspace.find("[profile.dev]").ok_or("the profiles")?;
    let path = |folder: &str| root.join(folder).display().to_string();
    Ok(format!(
        "[package]\nname = \"semper-{NAME}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         semper-shared = {{ path = {:?} }}\nsemper-wallet = {{ path = {:?} }}\n\
         semper-server = {{ path = {:?}, features = [\"testing\"] }}\nsemper-tests = {{ path = {:?} }}\n\
         rand_core = \"*\"\nserde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\ntokio = \"1\"\n\n{}",
        path("shared"),
        path("client-wasm"),
        path("merchant-server"),
        path("tests"),
        &workspace[profiles..]
    ))
}

/// Where cargo has built this test.
fn target() -> Outcome<std::path::PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).and_then(Path::parent);
    Ok(profile.ok_or("this test lies below the folder of what is built")?.to_owned())
}
