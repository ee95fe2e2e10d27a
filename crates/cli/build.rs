//! Puts the built web app (`web/dist`) into the binary, each file as it is and compressed.
//! Never needs Node: where nothing was built, the binary has one page that says how to build it.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Smaller files are sent as they are, bytes.
const COMPRESSED_BYTES_MIN: usize = 512;

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let web = here.join("../../web");
    let dist = web.join("dist");
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", dist.display());
        collect(&dist, &dist, &mut files)?;
        files.sort();
    }
    let mut code = String::from("pub(super) static ASSETS: &[Asset] = &[\n");
    for (number, path) in files.iter().enumerate() {
        embed(&mut code, &dist, path, &out.join(format!("asset-{number}")))?;
    }
    code.push_str("];\n");
    fs::write(out.join("assets.rs"), code)
}

/// Files under `folder`, as paths from `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            files.push(name.to_owned());
        }
    }
    Ok(())
}

fn embed(code: &mut String, dist: &Path, path: &str, stem: &Path) -> io::Result<()> {
    let bytes = fs::read(dist.join(path))?;
    let digest = Sha256::digest(&bytes);
    let tag = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>();
    let brotli = smaller(&bytes, &brotli(&bytes)?, &stem.with_extension("br"))?;
    let gzip = smaller(&bytes, &gzip(&bytes)?, &stem.with_extension("gz"))?;
    let whole = stem.with_extension("raw");
    fs::write(&whole, &bytes)?;
    let _ = writeln!(
        code,
        "Asset {{ path: {:?}, tag: {tag:?}, whole: include_bytes!({whole:?}), brotli: {brotli}, gzip: {gzip} }},",
        format!("/{path}"),
    );
    Ok(())
}

/// The compressed form, where it is worth having.
fn smaller(bytes: &[u8], compressed: &[u8], path: &Path) -> io::Result<String> {
    if bytes.len() < COMPRESSED_BYTES_MIN || compressed.len() * 10 > bytes.len() * 9 {
        return Ok("None".to_owned());
    }
    fs::write(path, compressed)?;
    Ok(format!("Some(include_bytes!({path:?}))"))
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
