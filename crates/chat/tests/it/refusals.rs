//! Refusals as people and programs read them: codes and texts differ, and texts name the real limits.
//! Every refusal there is gets looked at: they are read back from the stored form, one number after the other.

use std::collections::BTreeSet;

use chat::{Refusal, limits};

fn all() -> Vec<Refusal> {
    (0..=u8::MAX).map_while(|number| postcard::from_bytes(&[number]).ok()).collect()
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn codes_and_texts_are_unique() {
    let refusals = all();
    assert!(refusals.len() >= 34, "{}", refusals.len());
    let codes: BTreeSet<&str> = refusals.iter().map(|refusal| refusal.code()).collect();
    let texts: BTreeSet<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!((codes.len(), texts.len()), (refusals.len(), refusals.len()));
}

#[test]
fn codes_are_the_variants_in_lower_case() {
    for refusal in all() {
        let mut code = String::new();
        for letter in format!("{refusal:?}").chars() {
            if letter.is_ascii_uppercase() && !code.is_empty() {
                code.push('_');
            }
            code.push(letter.to_ascii_lowercase());
        }
        assert_eq!(refusal.code(), code);
    }
}

#[test]
fn texts_are_sentences() {
    for refusal in all() {
        let text = refusal.to_string();
        assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_ascii_uppercase()), "{text}");
    }
}

#[test]
fn texts_name_the_real_limits() {
    for (refusal, limit) in [
        (Refusal::TooManyMembers, limits::MEMBERS_MAX),
        (Refusal::TooManyEdits, limits::EDITS_MAX.into()),
        (Refusal::TooManyReactions, limits::REACTION_KINDS_MAX as u64),
        (Refusal::TooManyConversations, limits::CONVERSATIONS_PER_USER_MAX as u64),
        (Refusal::BodyTooLong, limits::BODY_BYTES_MAX as u64),
        (Refusal::BadTitle, limits::TITLE_CHARS_MAX as u64),
        (Refusal::BadDescription, limits::DESCRIPTION_CHARS_MAX as u64),
        (Refusal::BadEmoji, limits::EMOJI_BYTES_MAX as u64),
        (Refusal::TooManyMentions, limits::MENTIONS_MAX as u64),
        (Refusal::TooManyNamed, limits::MEMBERS_PER_COMMAND_MAX as u64),
        (Refusal::AttachmentNotFound, limits::ATTACHMENTS_MAX as u64),
        (Refusal::BadUsername, limits::USERNAME_CHARS_MIN as u64),
        (Refusal::BadUsername, limits::USERNAME_CHARS_MAX as u64),
        (Refusal::BadDisplayName, limits::DISPLAY_NAME_CHARS_MAX as u64),
        (Refusal::BadPassword, limits::PASSWORD_CHARS_MIN as u64),
        (Refusal::BadPassword, limits::PASSWORD_BYTES_MAX as u64),
    ] {
        let number = with_commas(limit);
        assert!(refusal.to_string().contains(&number), "{refusal:?} does not say {number}");
    }
}
