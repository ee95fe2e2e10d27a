//! The archive of a function: one executable file named `bootstrap`, deflated.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};

const NAME: &[u8] = b"bootstrap";
/// A regular file that everybody may read and run.
const UNIX_MODE: u32 = 0o100_755 << 16;

/// The archive of this program.
pub(crate) fn of(program: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(program).unwrap();
    let deflated = encoder.finish().unwrap();
    let mut crc = Crc::new();
    crc.update(program);
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    // What the local header and the central directory have in common: version, flags, method, time, sums and sizes.
    let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
    common.extend(crc.sum().to_le_bytes());
    common.extend(size(&deflated));
    common.extend(size(program));
    common.extend(u16::try_from(NAME.len()).unwrap().to_le_bytes());
    common.extend([0, 0]);

    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(&common);
    archive.extend(NAME);
    archive.extend(&deflated);
    let start = size(&archive);
    let mut directory = b"PK\x01\x02".to_vec();
    // Made on Unix.
    directory.extend([20, 3]);
    directory.extend(&common);
    directory.extend([0; 6]);
    directory.extend(UNIX_MODE.to_le_bytes());
    directory.extend([0; 4]);
    directory.extend(NAME);
    let directory_size = size(&directory);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend(directory_size);
    archive.extend(start);
    archive.extend([0, 0]);
    archive
}
