#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use semper_shared::items::information::Opener;
use tempfile::TempDir;

use super::*;
use crate::merchant::sql::{self, Sql};
use crate::merchant::store::Store as _;
use crate::merchant::testing::{COURSE, import_goods, write_goods};

/// Each breaks the course in one place: what is replaced by what, the line that is to blame, and a word of the reason.
const BROKEN: &[(&str, &str, Option<usize>, &str)] = &[
    ("+++\nid", "id", Some(1), "+++"),
    ("id = \"course\"", "", Some(2), "id"),
    ("id = \"course\"", "id = \"Course!\"", Some(2), "`id`"),
    ("id = \"course\"", "id = \"course\"\nid = \"other\"", Some(3), "duplicate"),
    ("id = \"course\"", "id = \"course\"\nprise = \"1\"", Some(3), "unknown field"),
    ("title = \"A course\"", "title = \"\"", Some(3), "`title`"),
    ("price = \"3.20\"", "price = \"3,20\"", Some(7), "`price`"),
    ("price = \"3.20\"", "price = \"-1\"", Some(7), "`price`"),
    ("price = \"3.20\"", "price = \"3.205\"", Some(7), "`price`"),
    ("price = \"3.20\"", "price = 3.20", Some(7), "string"),
    ("currency = \"EUR\"", "currency = \"euro\"", Some(8), "`currency`"),
    ("vat_rate = \"7\"", "vat_rate = \"101\"", Some(9), "`vat_rate`"),
    ("vat_rate = \"7\"", "vat_rate = \"7%\"", Some(9), "`vat_rate`"),
    ("language = \"en\"", "language = \"e n\"", Some(6), "`language`"),
    ("pictures/cover.svg", "pictures/none.svg", Some(10), "`picture`"),
    ("pictures/cover.svg", "../secret.svg", Some(10), "below"),
    ("pictures/cover.svg", "/etc/hostname", Some(10), "below"),
    ("pictures/cover.svg", "parts/one.html", Some(10), ".svg"),
    ("picture_alt = \"Nothing at all.\"", "", Some(10), "picture_alt"),
    ("minutes = 6", "minutes = -6", Some(13), "u32"),
    ("minutes = 6", "minutes = [", Some(14), ""),
    ("file = \"parts/one.html\"", "", Some(15), "`generate`"),
    ("file = \"parts/one.html\"", "generate = \"nobody\"\nname = \"x\"", Some(15), "generator"),
    ("file = \"parts/one.html\"", "generate = \"numbers\"", Some(15), "`name`"),
    ("file = \"parts/one.html\"", "file = \"parts/three.html\"", Some(16), "`file`"),
    ("file = \"parts/one.html\"", "file = \"parts\"", Some(16), "file"),
    ("file = \"parts/one.html\"", "file = \"parts/one.html\"\nname = \"../x\"", Some(15), "`name`"),
    ("file = \"parts/one.html\"", "file = \"parts/one.html\"\nname = \"two.txt\"", Some(20), "two parts"),
    ("media_type = \"text/html\"", "media_type = \"html\"", Some(18), "`media_type`"),
    (
        "[[part]]\nfile = \"parts/one.html\"\ntitle = \"Lesson one\"\nmedia_type = \"text/html\"\n[[part]]\nfile = \"parts/two.txt\"\ntitle = \"Lesson two\"\n",
        "",
        Some(1),
        "parts",
    ),
];

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn open(data: &Path) -> Sql {
    wait(sql::open(data, None, None)).unwrap()
}

#[test]
fn a_bad_file_names_itself_and_nothing_is_half_imported() {
    let folder = TempDir::new().unwrap();
    let (goods, data) = (folder.path().join("goods"), folder.path().join("data"));
    write_goods(&goods);
    import_goods(&data, &goods);
    let before = wait(open(&data).goods()).unwrap();
    fs::write(folder.path().join("secret.svg"), "<svg/>").unwrap();
    // What comes before the bad file would change the shop.
    fs::write(goods.join("another.md"), COURSE.replace("\"course\"", "\"another\"")).unwrap();
    let mut wrong = Vec::new();
    for (what, with, line, word) in BROKEN {
        assert!(COURSE.contains(what), "{what}");
        fs::write(goods.join("course.md"), COURSE.replacen(what, with, 1)).unwrap();
        let numbers = Generator { name: "numbers", edition: "1", write: &|_| Ok(()) };
        let error = import(&data, None, &goods, &[numbers], &mut |_| {}).unwrap_err();
        match &error {
            CatalogueError::Invalid { file, line: found, what: why } => {
                if !file.ends_with("course.md") || found != line || !why.contains(word) {
                    wrong.push(format!("{with}: {error}"));
                }
            }
            error => panic!("{with}: {error}"),
        }
        assert_eq!(semper_shared::foundation::Coded::code(&error).as_str(), "catalogue-invalid");
        assert_eq!(wait(open(&data).goods()).unwrap(), before, "{with}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn goods_are_refused_together() {
    let folder = TempDir::new().unwrap();
    let goods = folder.path().join("goods");
    fs::create_dir(&goods).unwrap();
    let data = folder.path().join("data");
    assert!(import(&data, None, &goods, &[], &mut |_| {}).is_err(), "an empty folder");
    write_goods(&goods);
    fs::write(goods.join("twin.md"), COURSE).unwrap();
    let error = read(&goods).unwrap_err().to_string();
    assert!(error.contains("twin.md") && error.contains("course.md"), "{error}");
    fs::write(goods.join("twin.md"), b"+++\n\xff+++\n").unwrap();
    assert!(read(&goods).unwrap_err().to_string().contains("twin.md:2: the text is not UTF-8"));
    assert!(import(&data, None, &folder.path().join("none"), &[], &mut |_| {}).is_err());
}

#[test]
fn a_preview_may_not_run_anything() {
    let folder = TempDir::new().unwrap();
    write_goods(folder.path());
    let with = COURSE.replace("order = 20", "order = 20\npreview = \"preview.html\"");
    fs::write(folder.path().join("course.md"), with).unwrap();
    for active in
        ["<script src=x>", "<p OnClick=alert(1)>", "<a href=\"javascript:x\">", "<img src=x onerror = x onload=y>"]
    {
        fs::write(folder.path().join("preview.html"), format!("<p>one</p>\n{active}")).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("preview.html:2: a preview may not hold"), "{active}: {error}");
    }
    fs::write(folder.path().join("preview.html"), "<p>One on one = two, once=twice.</p>").unwrap();
    let drafts = read(folder.path()).unwrap();
    assert!(drafts.iter().any(|draft| draft.good.preview_html.is_some()));
}

#[test]
fn an_import_that_changes_nothing_encrypts_nothing() {
    let folder = TempDir::new().unwrap();
    let (goods, data) = (folder.path().join("goods"), folder.path().join("data"));
    write_goods(&goods);
    let first = import_goods(&data, &goods);
    // The guide and the course's first lesson are the same bytes.
    let expected =
        Imported { goods: 3, added: 3, encrypted: 3, encrypted_bytes: first.encrypted_bytes, ..Imported::default() };
    assert_eq!(first, expected);
    assert_eq!(import_goods(&data, &goods), Imported { goods: 3, ..Imported::default() });

    let dearer = COURSE.replace("3.20", "3.30");
    fs::write(goods.join("course.md"), dearer).unwrap();
    fs::remove_file(goods.join("data.md")).unwrap();
    assert_eq!(import_goods(&data, &goods), Imported { goods: 2, changed: 1, removed: 1, ..Imported::default() });
    let listed = wait(open(&data).goods()).unwrap();
    assert_eq!(listed.iter().map(|good| good.id.as_str()).collect::<Vec<_>>(), ["guide", "course"]);

    write_goods(&goods);
    assert_eq!(import_goods(&data, &goods), Imported { goods: 3, added: 1, changed: 1, ..Imported::default() });
}

#[test]
fn what_was_lost_or_left_over_is_put_right() {
    let folder = TempDir::new().unwrap();
    let (goods, data) = (folder.path().join("goods"), folder.path().join("data"));
    write_goods(&goods);
    import_goods(&data, &goods);
    let contents = data.join("content");
    let name = wait(open(&data).contents()).unwrap()[0].ciphertext.to_string();
    fs::remove_file(contents.join(&name)).unwrap();
    fs::write(contents.join(".new-cut-off"), "half").unwrap();
    fs::write(contents.join(semper_shared::foundation::Digest::of(b"orphan").to_string()), "orphan").unwrap();
    assert_eq!(import_goods(&data, &goods).encrypted, 1);
    let kept: BTreeSet<_> = wait(open(&data).contents()).unwrap().iter().map(|c| c.ciphertext.to_string()).collect();
    let there: BTreeSet<_> =
        fs::read_dir(&contents).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, kept);
}

#[test]
fn a_failing_generator_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let (goods, data) = (folder.path().join("goods"), folder.path().join("data"));
    write_goods(&goods);
    let numbers = Generator {
        name: "numbers",
        edition: "1",
        write: &|out| out.write_all(&[1; 200_000]).and(Err(std::io::ErrorKind::StorageFull.into())),
    };
    assert!(import(&data, None, &goods, &[numbers], &mut |_| {}).is_err());
    assert!(wait(open(&data).goods()).unwrap().is_empty());
    let temporary = fs::read_dir(data.join("content")).unwrap().flatten();
    assert!(temporary.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn contents_open_with_their_keys_and_progress_is_told() {
    let folder = TempDir::new().unwrap();
    let (goods, data) = (folder.path().join("goods"), folder.path().join("data"));
    write_goods(&goods);
    fs::write(goods.join("parts/two.txt"), vec![7; 3 << 20]).unwrap();
    let numbers = Generator { name: "numbers", edition: "1", write: &|out| out.write_all(b"1") };
    let mut told = Vec::new();
    import(&data, None, &goods, &[numbers], &mut |progress| told.push(progress)).unwrap();
    assert!(
        told.iter().any(|p| p.part == "two.txt" && p.bytes > 0 && p.of == Some(3 << 20) && p.parts == 4),
        "{told:?}"
    );
    let store = open(&data);
    for file in ["merchant.sqlite", "merchant.sqlite-wal"] {
        let mode = fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} holds content keys");
    }
    for part in wait(store.goods()).unwrap().iter().flat_map(|good| &good.parts) {
        let key = wait(store.content_key(part.commitment.ciphertext)).unwrap().unwrap();
        let stream = fs::read(data.join("content").join(part.commitment.ciphertext.to_string())).unwrap();
        let mut opener = Opener::new(&part.commitment, &key).unwrap();
        opener.push(&stream).unwrap();
        opener.finish().unwrap();
    }
}

#[test]
fn descriptions_run_nothing() {
    let html = markdown::to_html(
        "A *course* with <script>alert(1)</script> [a link](javascript:alert(1)) [mail](mailto:a@b.c)\n\n<b>bold</b>\n",
    );
    assert!(html.contains("<em>course</em>") && html.contains("mailto:a@b.c"), "{html}");
    assert!(!html.contains("<script") && !html.contains("javascript:") && !html.contains("<b>"), "{html}");
    assert_eq!(markdown::first_words("One *two* three four.\n\nFive.", 200), "One two three four.");
    assert_eq!(markdown::first_words("One two three four.", 10), "One two…");
}

const TABLE: &str = "id,title,price,vat_rate,description,picture,file\n\
    one,\"One, and \"\"only\"\"\",1.00,7,\"Two\nlines\",pictures/cover.svg,parts/one.html\n\
    \n\
    two,Two,0.00,19,,,parts/two.txt\r\n";

#[test]
fn a_table_is_a_catalogue_too() {
    let folder = TempDir::new().unwrap();
    write_goods(folder.path());
    for name in ["course.md", "guide.md", "data.md"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("catalogue.csv"), TABLE).unwrap();
    let drafts = read(folder.path()).unwrap();
    assert_eq!(drafts.len(), 2);
    assert_eq!(drafts[0].good.title, "One, and \"only\"");
    assert_eq!(drafts[0].good.summary, "Two lines");
    assert_eq!((drafts[1].good.price.minor(), drafts[1].line, drafts[1].good.vat_rate_bp), (0, 5, 1_900));
    let broken: [(&str, &str, usize); 7] = [
        ("price,", "prize,", 1),
        ("id,title", "id,id", 1),
        ("two,Two,", "two,", 5),
        ("1.00", "1.0.0", 2),
        ("parts/two.txt", "parts/none.txt", 5),
        ("only\"\"\"", "only\"\"\"x", 2),
        ("two,Two", "two,\"Two", 5),
    ];
    for (what, with, line) in broken {
        fs::write(folder.path().join("catalogue.csv"), TABLE.replacen(what, with, 1)).unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("catalogue.csv:{line}: ")), "{with}: {error}");
    }
}

proptest! {
    #[test]
    fn rubbish_is_refused_without_panic(text in "(\\+\\+\\+\n)?[a-z=\"\n\\[\\],]{0,200}(\n\\+\\+\\+\n)?.{0,20}") {
        let path = Path::new("x");
        let _any = (front_matter::read(path, &text).is_ok(), csv::read(path, &text).is_ok());
        let _any = (markdown::to_html(&text), markdown::first_active(&text));
    }
}
