//! Public constants of a file with their documentation, read from its syntax.
//! Prints a value as it is written, numbers multiplied out.

use syn::{Attribute, Expr, Item, ItemConst, Lit, Visibility, spanned::Spanned};

/// One `pub const`.
pub struct Constant {
    /// As written.
    pub name: String,
    /// The number with its digits grouped, or the expression as written.
    pub value: String,
    /// Its documentation, on one line.
    pub meaning: String,
}

/// The constants of a file, in its order.
pub fn constants(text: &str) -> Vec<Constant> {
    let Ok(file) = syn::parse_file(text) else { return Vec::new() };
    let lines: Vec<&str> = text.lines().collect();
    file.items.iter().filter_map(|item| constant(item, &lines)).collect()
}

fn constant(item: &Item, lines: &[&str]) -> Option<Constant> {
    let Item::Const(ItemConst { vis: Visibility::Public(_), ident, expr, attrs, .. }) = item else {
        return None;
    };
    let value = expression(expr).map_or_else(|| source(expr, lines), group_digits);
    Some(Constant { name: ident.to_string(), value, meaning: documentation(attrs) })
}

/// The value of a product, sum or power of two of literals.
fn expression(expr: &Expr) -> Option<u128> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        Expr::Paren(inner) => expression(&inner.expr),
        Expr::Binary(binary) => {
            let (left, right) = (expression(&binary.left)?, expression(&binary.right)?);
            match binary.op {
                syn::BinOp::Mul(_) => left.checked_mul(right),
                syn::BinOp::Add(_) => left.checked_add(right),
                syn::BinOp::Shl(_) => left.checked_shl(u32::try_from(right).ok()?),
                _ => None,
            }
        }
        _ => None,
    }
}

fn source(expr: &Expr, lines: &[&str]) -> String {
    let (start, end) = (expr.span().start(), expr.span().end());
    let line = lines.get(start.line - 1).copied().unwrap_or_default();
    let to = if start.line == end.line { end.column } else { line.chars().count() };
    let text: String = line.chars().take(to).skip(start.column).collect();
    format!("`{text}`")
}

fn group_digits(value: u128) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let value =
            &attribute.meta.require_name_value().ok().filter(|_| attribute.path().is_ident("doc"))?.value;
        let Expr::Lit(literal) = value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        Some(text.value().trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(" ").replace('|', "\\|").replace("[`", "`").replace("`]", "`")
}
