use proptest::prelude::*;

use super::inline;

fn page(style: &str, body: &str) -> String {
    inline(&format!("<style>{style}</style>{body}"))
}

#[test]
fn puts_rules_into_the_elements_that_they_are_about() {
    for (style, body, written) in [
        ("p{color:red}", "<p>x</p><b>x</b>", "<p style=\"color:red\">x</p><b>x</b>"),
        (
            "P.a, #b { color : Red; }",
            "<p class='x a'><i id=b>",
            "<p style=\"color:Red\" class='x a'><i style=\"color:Red\" id=b>",
        ),
        ("td a{x:y}", "<a></a><td><p><a></a>", "<a></a><td><p><a style=\"x:y\"></a>"),
        ("ul>li{x:y}", "<ul><li>1<li>2</ul><li>", "<ul><li style=\"x:y\">1<li style=\"x:y\">2</ul><li>"),
        ("p b{x:y}", "<p>1<div><b></b></div>", "<p>1<div><b></b></div>"),
        ("*{x:y}", "<br/><img src=a>", "<br style=\"x:y\"/><img style=\"x:y\" src=a>"),
        (".a.b{x:y}", "<p class=a><p class='b a'>", "<p class=a><p style=\"x:y\" class='b a'>"),
        ("a b c{x:y}", "<a><b><c></c></b></a><b><c>", "<a><b><c style=\"x:y\"></c></b></a><b><c>"),
        (
            "a > b c{x:y}",
            "<a><i><b><c></c></b></i><b><b><c>",
            "<a><i><b><c></c></b></i><b><b><c style=\"x:y\">",
        ),
        ("p{x:y}", "<!-- <p> --><P title='>'>", "<!-- <p> --><P style=\"x:y\" title='>'>"),
        ("p{}", "<p>", "<p>"),
        ("/* p{} */ p /* x */ {x:y /* z */}", "<p>", "<p style=\"x:y\">"),
    ] {
        let shown = page(style, body);
        // A rule that says nothing is nothing to put in.
        let expected =
            if style == "p{}" { format!("<style>{style}</style>{written}") } else { written.to_owned() };
        assert_eq!(shown, expected, "{style}");
    }
}

#[test]
fn what_counts_more_wins_and_so_does_what_stands_there() {
    for (style, tag, holds) in [
        ("p{x:1} p{x:2}", "<p>", "x:2"),
        (".a{x:1} p{x:2}", "<p class=a>", "x:1"),
        ("#a{x:1} p.a.b{x:2}", "<p class='a b' id=a>", "x:1"),
        ("p{x:1;y:1} .a{y:2}", "<p class=a>", "x:1;y:2"),
        ("p{x:1}", "<p style='y:2'>", "x:1;y:2"),
        ("p{x:1;y:1}", "<p style='x:2'>", "y:1;x:2"),
        ("p{x:1 !important}", "<p style='x:2'>", "x:1"),
        ("p{x:1 ! IMPORTANT}", "<p style='x:2 !important'>", "x:2"),
        ("p{x:1!important} .a{x:2}", "<p class=a>", "x:1"),
        ("p{margin-top:1} p{margin:0}", "<p>", "margin-top:1;margin:0"),
        // The second is for programs that know it.
        ("p{x:red;x:oklch(1 1 1)}", "<p>", "x:red;x:oklch(1 1 1)"),
        ("p{font:1px \"Segoe UI\"}", "<p>", "font:1px 'Segoe UI'"),
        ("p{x:\"'\"}", "<p>", "x:&quot;'&quot;"),
        ("p{x:url(a;b)}", "<p style='y:url(&#x2f;a?b&amp;c)'>", "x:url(a;b);y:url(/a?b&amp;c)"),
    ] {
        let written = page(style, tag);
        assert!(written.contains(&format!(" style=\"{holds}\"")), "{style} in {tag}: {written}");
        assert_eq!(written.matches("style=").count(), 1, "{written}");
    }
}

#[test]
fn what_cannot_be_put_into_an_element_stays() {
    for kept in [
        "@media (max-width: 600px) { p { color: red } }",
        "@import url(a;b);",
        "a:hover { color: red }",
        "p + p { color: red }",
        "p ~ p { color: red }",
        "a[href=\"x,p\"] { color: red }",
        "p:is(.a, p) { color: red }",
        ".md\\:w { color: red }",
        "p >> b { color: red }",
        "> b { color: red }",
    ] {
        let alone = format!("<style>{kept}</style><p><b><a class=md>");
        assert_eq!(inline(&alone), alone);
        let beside = page(&format!("b{{x:y}} {kept} i{{x:y}}"), "<p><b><a>");
        assert_eq!(beside, format!("<style>\n{kept}\n</style><p><b style=\"x:y\"><a>"));
    }
    let parts = page("a, a:hover{x:y}", "<a>");
    assert_eq!(parts, "<style>\na:hover { x:y }\n</style><a style=\"x:y\">");
    for whole in ["<style data-keep>p{x:y}</style><p>", "<style media=print>p{x:y}</style><p>", "<p>no style"]
    {
        assert_eq!(inline(whole), whole);
    }
}

#[test]
fn a_mail_as_people_write_them() {
    let html = r#"<!doctype html>
<html lang="en"><head><title>A <b> title</title>
<style>
  body { margin: 0; font-family: "Segoe UI", sans-serif }
  table.order td { padding: 8px; border-bottom: 1px solid #ddd; }
  table.order td.total { font-weight: 600; padding: 12px }
  .button, a.button:visited { background: #1a56c4 !important; color: #fff }
  @media (prefers-color-scheme: dark) { .button { color: #000 !important } }
</style></head>
<body bgcolor="white">
<!--[if mso]><table><tr><td class="total"><![endif]-->
<table class="order"><tr><td>Tea</td><td class="total">5 &lt; 6</td></table>
<a class="button" style="background: red" href="https://shop.example/?a=1&amp;b=2">Pay</a>
</body></html>"#;
    let expected = r##"<!doctype html>
<html lang="en"><head><title>A <b> title</title>
<style>
a.button:visited { background: #1a56c4 !important; color: #fff }
@media (prefers-color-scheme: dark) { .button { color: #000 !important } }
</style></head>
<body style="margin:0;font-family:'Segoe UI', sans-serif" bgcolor="white">
<!--[if mso]><table><tr><td class="total"><![endif]-->
<table class="order"><tr><td style="padding:8px;border-bottom:1px solid #ddd">Tea</td><td style="border-bottom:1px solid #ddd;font-weight:600;padding:12px" class="total">5 &lt; 6</td></table>
<a class="button" style="color:#fff;background:#1a56c4" href="https://shop.example/?a=1&amp;b=2">Pay</a>
</body></html>"##;
    assert_eq!(inline(html), expected);
    // Once is enough.
    assert_eq!(inline(expected), expected);
}

#[test]
fn a_page_that_somebody_else_has_written_takes_no_time() {
    let begun = std::time::Instant::now();
    let deep = "<a>".repeat(4_000);
    let selectors = "x a a a a a a a{x:y}".repeat(300);
    assert!(!inline(&format!("<style>{selectors}</style>{deep}")).contains("style="));
    // Rules that would make of 50 KiB 40 MiB.
    let large = format!("<style>a{{x:{}}}</style>{deep}", "y".repeat(10_000));
    assert_eq!(inline(&large), large);
    let rules = "a{x:y;z:w}".repeat(100_000);
    assert_eq!(inline(&format!("<style>{rules}</style><a></a>")), "<a style=\"x:y;z:w\"></a>");
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

proptest! {
    /// Whatever it is, it ends, and what is no `style` stays as it is.
    #[test]
    fn anything_is_read(html in "(<style>[ -~é]{0,40}</style>)?([<>a-z\"'=/! {}:;.#é-]|<p |</p>|<!--|style=|<b class=a>){0,40}") {
        let written = inline(&html);
        if !html.contains("<style") {
            prop_assert_eq!(written, html);
        }
    }
}
