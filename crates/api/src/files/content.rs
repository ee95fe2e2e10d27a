//! What a file is, found in its first bytes. Nothing that a client says about it is believed.
//! Invariant: what a browser would run (HTML, SVG, XML, PDF) is never shown inline from this server's origin.

/// What everything is that nothing else is known of.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// Pictures that are decoded here and shown inline.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Whether it is a kind of picture that is decoded here and may be shown inline.
pub(crate) fn is_picture(content_type: &str) -> bool {
    PICTURES.contains(&content_type)
}

/// The type under which a file is sent: its own where no browser runs it, else one that nobody opens by itself.
pub(crate) fn sent_as(content_type: &str) -> &str {
    let is_harmless = is_picture(content_type)
        || content_type.starts_with("audio/")
        || content_type.starts_with("video/")
        || content_type == "text/plain";
    if is_harmless { content_type } else { UNKNOWN }
}

/// The type of a file that begins with these bytes.
pub(crate) fn detect(head: &[u8]) -> &'static str {
    match infer::get(head) {
        Some(kind) => kind.mime_type(),
        None if looks_like_markup(head) => "text/html",
        None if is_text(head) => "text/plain",
        None => UNKNOWN,
    }
}

/// Text that a browser might take for a page or a drawing.
fn looks_like_markup(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    text.starts_with('<')
        && ["<html", "<svg", "<!doctype", "<?xml", "<script", "<head", "<body"]
            .iter()
            .any(|tag| text.contains(tag))
}

fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The head may end inside a character.
        Err(error) => error.error_len().is_none(),
    };
    valid && !head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_found_and_never_believed() {
        for (head, found) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"%PDF-1.7", "application/pdf"),
            (b"hello\nworld", "text/plain"),
            ("grüße".as_bytes(), "text/plain"),
            (&"grüße".as_bytes()[..3], "text/plain"),
            (b"\0\x01\x02", UNKNOWN),
        ] {
            assert_eq!(detect(head), found, "{head:?}");
        }
    }

    #[test]
    fn what_a_browser_would_run_is_sent_as_bytes() {
        for markup in [
            "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            "<?xml version='1.0'?><svg/>",
            "\n <!DOCTYPE html><script>alert(1)</script>",
            "\u{FEFF}<html>",
        ] {
            assert_eq!(sent_as(detect(markup.as_bytes())), UNKNOWN, "{markup}");
        }
        assert_eq!(sent_as("application/pdf"), UNKNOWN);
        assert_eq!(sent_as("image/svg+xml"), UNKNOWN);
        assert_eq!(sent_as("image/webp"), "image/webp");
    }
}
