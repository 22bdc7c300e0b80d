//! A payment module outside the project: the template is copied into a crate of its own, registered, negotiated and paid
//! with through the real wallet and the real merchant, and no file of the project knows it.
//!
//! Each compiles everything anew, in a folder of its own: what is built here must not lie where the project is built, since
//! the wallet's library has one file name whatever its features are. That takes minutes, so they run by
//! `cargo nextest run -p semper-tests --test out_of_tree --run-ignored all`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use semper_shared::foundation::base64;
use semper_tests::{Demo, Outcome, binaries};
use serde_json::Value;
use tempfile::TempDir;

const NAME: &str = "barter";

#[test]
#[ignore = "compiles everything anew: see above"]
fn a_copied_module_pays_without_an_edit_to_the_core() -> Outcome {
    let outside = Outside::new(NAME)?;
    let source = outside.source();
    fs::create_dir_all(source.join(NAME))?;
    copy_template(&outside.root.join("shared/src/items/payment/dummy"), &source.join(NAME))?;
    fs::copy(outside.root.join("tests/out-of-tree/main.rs"), source.join("main.rs"))?;
    let path = |folder: &str| outside.root.join(folder).display().to_string();
    let output = Command::new(outside.build(&format!(
        "semper-shared = {{ path = {:?} }}\nsemper-wallet = {{ path = {:?} }}\n\
         semper-server = {{ path = {:?}, features = [\"testing\"] }}\nsemper-tests = {{ path = {:?} }}\n\
         rand_core = \"*\"\nserde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\ntokio = \"1\"\n",
        path("shared"),
        path("client-wasm"),
        path("merchant-server"),
        path("tests"),
    ))?)
    .arg(outside.folder.path())
    .output()?;
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
    let receipt = evidence.iter().filter_map(receipt).next().ok_or("the receipt")?;
    assert_eq!(receipt["module"], NAME, "{receipt}");
    Ok(())
}

/// The payload, where a statement is a receipt.
fn receipt(statement: &Value) -> Option<Value> {
    let part = |text: Option<&str>| -> Option<Value> { serde_json::from_slice(&base64::decode(text?)?).ok() };
    let mut parts = statement.as_str()?.split('.');
    let (header, payload) = (part(parts.next())?, part(parts.next())?);
    (header["typ"] == "semper-receipt+jwt").then_some(payload)
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

/// Where these tests build.
fn target() -> Outcome<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.ancestors().nth(2).and_then(Path::parent).ok_or("where things are built")?.join("out-of-tree"))
}

/// A crate outside the project's workspace.
struct Outside {
    name: &'static str,
    root: PathBuf,
    folder: TempDir,
}

impl Outside {
    fn new(name: &'static str) -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let outside = Self { name, root, folder: tempfile::tempdir()? };
        fs::create_dir_all(outside.source())?;
        Ok(outside)
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("crate/src")
    }

    /// Builds it, with the project's profiles and the same versions of everything, so that the network is not needed. Where the
    /// program is.
    fn build(&self, dependencies: &str) -> Outcome<PathBuf> {
        let workspace = fs::read_to_string(self.root.join("Cargo.toml"))?;
        let profiles = workspace.find("[profile.dev]").ok_or("the profiles")?;
        let name = self.name;
        let manifest = format!(
            "[package]\nname = \"semper-{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\n{dependencies}\n{}",
            // Little of this is run: what takes long is to compile it.
            workspace[profiles..]
                .replace("[profile.dev.package.semper-tests]\nopt-level = 2\n", "")
                .replace("[profile.dev.package.semper-wallet]\nopt-level = 2\n", "")
        );
        let folder = self.folder.path().join("crate");
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(self.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let target = target()?;
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&folder).args(["build", "--quiet", "--offline", "--target-dir"]).arg(&target);
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(target.join("debug").join(format!("semper-{name}")))
    }
}

/// What only the modules' code holds: the types of their statements.
const MARKS: [(&str, &[u8]); 2] = [("card", b"semper-card-certificate+jwt"), ("account", b"semper-invoice+jwt")];

/// Which modules a program holds.
fn held(program: &Path) -> Outcome<Vec<&'static str>> {
    let bytes = fs::read(program)?;
    let holds = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    Ok(MARKS.into_iter().filter(|(_, mark)| holds(mark)).map(|(module, _)| module).collect())
}

#[test]
#[ignore = "compiles everything anew: see above"]
fn modules_that_are_left_out_of_the_wallet_are_absent_and_refused_by_name() -> Outcome {
    let outside = Outside::new("wallet-of-cash")?;
    let main = "fn main() -> std::process::ExitCode { semper_wallet::cli::main() }\n";
    fs::write(outside.source().join("main.rs"), main)?;
    let wallet = outside.root.join("client-wasm").display().to_string();
    let lean = outside
        .build(&format!("semper-wallet = {{ path = {wallet:?}, default-features = false, features = [\"cli\"] }}\n"))?;
    let whole = held(&binaries::semper_wallet()?)?;
    assert_eq!(whole, ["card", "account"], "the whole wallet has them, so that their absence shows something");
    assert_eq!(held(&lean)?, [""; 0], "the modules' code is in the program");

    let demo = Demo::start()?;
    let home = outside.folder.path().join("home");
    let run = |arguments: &[&str]| -> Outcome<(bool, String, String)> {
        let output = Command::new(&lean).arg("--home").arg(&home).args(arguments).output()?;
        Ok((output.status.success(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    };
    assert!(run(&["init"])?.0);
    assert!(run(&["withdraw", "20.00", "--mint", &demo.urls.mint])?.0);
    let offer = demo.offer("article");
    let goods = outside.folder.path().join("goods").display().to_string();
    let (_, methods, _) = run(&["methods", &offer, "--json"])?;
    let methods: Value = serde_json::from_str(&methods)?;
    for module in ["card", "account"] {
        let way = methods.as_array().and_then(|all| all.iter().find(|method| method["module"] == module));
        assert_eq!(way.ok_or("the shop takes it")?["cause"], "not-in-wallet");
        let (done, _, said) = run(&["buy", &offer, "--out", &goods, "--method", module])?;
        assert!(!done && said.contains(&format!("error[module-unsupported]: {module}:")), "{said}");
    }
    for command in [&["card", "list"][..], &["invoice", "x"], &["buy", &offer, "--out", &goods, "--later"]] {
        assert!(run(command)?.2.contains("error[usage]"), "{command:?}");
    }
    let (done, _, said) = run(&["buy", &offer, "--out", &goods])?;
    assert!(done, "what is left pays: {said}");
    Ok(())
}

#[test]
#[ignore = "compiles everything anew: see above"]
fn modules_that_are_left_out_of_the_server_are_absent_and_refused_by_name() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let target = target()?;
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(&root)
        .args(["build", "--quiet", "--offline", "--package", "semper-server", "--bin", "semper"])
        .args(["--no-default-features", "--target-dir"])
        .arg(&target)
        .output()?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let lean = target.join("debug/semper");
    let whole = held(&binaries::semper()?)?;
    assert_eq!(whole, ["card", "account"], "the whole server has them, so that their absence shows something");
    assert_eq!(held(&lean)?, [""; 0], "the modules' code is in the program");

    // Settings that ask for one are refused, and by name.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("semper.toml");
    let merchant = "[merchant]\ndata = 'shop'\nname = 'Shop'\nserver = { listen = '127.0.0.1:0', public_url = 'http://localhost:1' }\n";
    let gateway = "[gateway]\ndata = 'gateway'\n";
    for (text, module) in [
        (format!("{merchant}[merchant.gateway]\nurl = 'http://localhost:2'\n"), "card"),
        (format!("{merchant}[merchant.account]\niban = 'DE89370400440532013000'\n"), "account"),
        (merchant.replace("name =", "dummy_payments = true\nname ="), "dummy"),
        (gateway.to_owned(), "card"),
    ] {
        fs::write(&file, text)?;
        let refused = Command::new(&lean).args(["serve", "--config"]).arg(&file).output()?;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{module}");
        assert!(said.contains("module-unsupported") && said.contains(&format!("`{module}`")), "{said}");
    }

    // What is left is a market, and its shop takes what it has.
    let demo = Demo::start_program(&lean)?;
    assert!(demo.urls.gateway.is_empty());
    let home = folder.path().join("home");
    let run = |arguments: &[&str]| -> Outcome<(bool, String, String)> {
        let output = Command::new(binaries::semper_wallet()?).arg("--home").arg(&home).args(arguments).output()?;
        Ok((output.status.success(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    };
    assert!(run(&["init"])?.0);
    assert!(run(&["withdraw", "20.00", "--mint", &demo.urls.mint])?.0);
    let offer = demo.offer("article");
    let goods = folder.path().join("goods").display().to_string();
    for module in ["card", "account"] {
        let (done, _, said) = run(&["buy", &offer, "--out", &goods, "--method", module])?;
        assert!(!done && said.contains("error[module-unsupported]"), "{said}");
    }
    let (done, _, said) = run(&["buy", &offer, "--out", &goods])?;
    assert!(done, "what is left pays: {said}");
    Ok(())
}
