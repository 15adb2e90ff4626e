//! Decompression of gzip (RFC 1952) around DEFLATE (RFC 1951), for small replies.
//!
//! The output is bounded by the caller and the checksum is checked; speed does not matter here.

/// Why data could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GunzipError {
    #[error("not gzip")]
    NotGzip,
    #[error("gzip that ends too early")]
    Truncated,
    #[error("gzip with an invalid code")]
    Invalid,
    #[error("gzip whose checksum differs")]
    Checksum,
    #[error("gzip that unpacks to more than expected")]
    TooLarge,
}

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

/// Decompresses one gzip member.
pub(crate) fn gunzip(data: &[u8], limit: usize) -> Result<Vec<u8>, GunzipError> {
    let mut bits = Bits::new(skip_header(data)?);
    let mut output = Vec::new();
    inflate(&mut bits, &mut output, limit)?;
    let trailer = bits.rest();
    let expected: [u8; 4] = trailer
        .get(..4)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(GunzipError::Truncated)?;
    if u32::from_le_bytes(expected) != crc32(&output) {
        return Err(GunzipError::Checksum);
    }
    Ok(output)
}

fn skip_header(data: &[u8]) -> Result<&[u8], GunzipError> {
    let (header, mut rest) = data.split_at_checked(10).ok_or(GunzipError::Truncated)?;
    if header[..3] != [0x1f, 0x8b, 8] {
        return Err(GunzipError::NotGzip);
    }
    let flags = header[3];
    if flags & FLAG_EXTRA != 0 {
        let (length, after) = rest.split_at_checked(2).ok_or(GunzipError::Truncated)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        rest = after.get(length..).ok_or(GunzipError::Truncated)?;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0);
            rest = &rest[end.ok_or(GunzipError::Truncated)? + 1..];
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        rest = rest.get(2..).ok_or(GunzipError::Truncated)?;
    }
    Ok(rest)
}

/// Wraps data in gzip without compressing it.
#[cfg(feature = "server")]
pub(crate) fn gzip_stored(data: &[u8]) -> Vec<u8> {
    let mut output = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let chunks: Vec<_> = data.chunks(usize::from(u16::MAX)).collect();
    for (position, chunk) in (1..).zip(&chunks) {
        let length = u16::try_from(chunk.len()).expect("a chunk is at most this long");
        output.push(u8::from(position == chunks.len()));
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(chunk);
    }
    output.extend_from_slice(&crc32(data).to_le_bytes());
    let size = u32::try_from(data.len() % (1 << 32)).unwrap_or_default();
    output.extend_from_slice(&size.to_le_bytes());
    output
}

/// The CRC-32 of gzip and Ethernet.
fn crc32(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    !data.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = crc & 1;
            (crc >> 1) ^ (POLYNOMIAL * carry)
        })
    })
}

/// A reader of bits, lowest first.
struct Bits<'a> {
    data: &'a [u8],
    position: usize,
    used: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            position: 0,
            used: 0,
        }
    }

    fn bit(&mut self) -> Result<u16, GunzipError> {
        let byte = *self.data.get(self.position).ok_or(GunzipError::Truncated)?;
        let bit = (byte >> self.used) & 1;
        self.used += 1;
        if self.used == 8 {
            self.used = 0;
            self.position += 1;
        }
        Ok(u16::from(bit))
    }

    fn number(&mut self, width: u8) -> Result<u16, GunzipError> {
        (0..width).try_fold(0, |number, place| Ok(number | self.bit()? << place))
    }

    fn align(&mut self) {
        if self.used > 0 {
            self.used = 0;
            self.position += 1;
        }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], GunzipError> {
        let bytes = self
            .data
            .get(self.position..)
            .and_then(|rest| rest.get(..count))
            .ok_or(GunzipError::Truncated)?;
        self.position += count;
        Ok(bytes)
    }

    fn rest(mut self) -> &'a [u8] {
        self.align();
        self.data.get(self.position..).unwrap_or_default()
    }
}

const MAX_CODE_LENGTH: usize = 15;

/// A canonical Huffman code: how many codes there are of each length, and their symbols in order.
struct Huffman {
    counts: [u16; MAX_CODE_LENGTH + 1],
    symbols: Vec<u16>,
}

impl Huffman {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; MAX_CODE_LENGTH + 1];
        let mut symbols: Vec<u16> = Vec::new();
        for (length, count) in counts.iter_mut().enumerate().skip(1) {
            let before = symbols.len();
            symbols.extend(
                (0..)
                    .zip(lengths)
                    .filter(|(_, found)| usize::from(**found) == length)
                    .map(|(symbol, _)| symbol),
            );
            *count = u16::try_from(symbols.len() - before).unwrap_or(u16::MAX);
        }
        Self { counts, symbols }
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, GunzipError> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for count in &self.counts[1..] {
            let count = u32::from(*count);
            code |= u32::from(bits.bit()?);
            if let Some(offset) = code.checked_sub(first).filter(|offset| *offset < count) {
                let position = usize::try_from(index + offset).unwrap_or(usize::MAX);
                return self
                    .symbols
                    .get(position)
                    .copied()
                    .ok_or(GunzipError::Invalid);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(GunzipError::Invalid)
    }
}

fn inflate(bits: &mut Bits<'_>, output: &mut Vec<u8>, limit: usize) -> Result<(), GunzipError> {
    loop {
        let last = bits.bit()? == 1;
        match bits.number(2)? {
            0 => stored(bits, output, limit)?,
            1 => {
                let (literals, distances) = fixed_codes();
                compressed(bits, output, limit, &literals, &distances)?;
            }
            2 => {
                let (literals, distances) = dynamic_codes(bits)?;
                compressed(bits, output, limit, &literals, &distances)?;
            }
            _ => return Err(GunzipError::Invalid),
        }
        if last {
            return Ok(());
        }
    }
}

fn stored(bits: &mut Bits<'_>, output: &mut Vec<u8>, limit: usize) -> Result<(), GunzipError> {
    bits.align();
    let length = bits.number(16)?;
    if bits.number(16)? != !length {
        return Err(GunzipError::Invalid);
    }
    output.extend_from_slice(bits.bytes(usize::from(length))?);
    if output.len() > limit {
        return Err(GunzipError::TooLarge);
    }
    Ok(())
}

fn fixed_codes() -> (Huffman, Huffman) {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    (Huffman::new(&lengths), Huffman::new(&[5; 30]))
}

fn dynamic_codes(bits: &mut Bits<'_>) -> Result<(Huffman, Huffman), GunzipError> {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literal_count = usize::from(bits.number(5)?) + 257;
    let distance_count = usize::from(bits.number(5)?) + 1;
    let order_count = usize::from(bits.number(4)?) + 4;
    let mut meta = [0; 19];
    for place in &ORDER[..order_count] {
        meta[*place] = bits.number(3)?.to_le_bytes()[0];
    }
    let meta = Huffman::new(&meta);
    let total = literal_count + distance_count;
    let mut lengths: Vec<u8> = Vec::with_capacity(total);
    while lengths.len() < total {
        let (value, repeat) = match meta.symbol(bits)? {
            16 => {
                let previous = *lengths.last().ok_or(GunzipError::Invalid)?;
                (previous, 3 + bits.number(2)?)
            }
            17 => (0, 3 + bits.number(3)?),
            18 => (0, 11 + bits.number(7)?),
            length => (length.to_le_bytes()[0], 1),
        };
        lengths.extend(std::iter::repeat_n(value, usize::from(repeat)));
    }
    if lengths.len() > total {
        return Err(GunzipError::Invalid);
    }
    let (literals, distances) = lengths.split_at(literal_count);
    Ok((Huffman::new(literals), Huffman::new(distances)))
}

/// Base values and numbers of extra bits of the length codes 257 to 285.
const LENGTH_BASES: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
const LENGTH_EXTRAS: [u8; 29] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];

/// Base values and numbers of extra bits of the distance codes 0 to 29.
const DISTANCE_BASES: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRAS: [u8; 30] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
];

const END_OF_BLOCK: u16 = 256;

fn compressed(
    bits: &mut Bits<'_>,
    output: &mut Vec<u8>,
    limit: usize,
    literals: &Huffman,
    distances: &Huffman,
) -> Result<(), GunzipError> {
    loop {
        match literals.symbol(bits)? {
            END_OF_BLOCK => return Ok(()),
            symbol if symbol < END_OF_BLOCK => output.push(symbol.to_le_bytes()[0]),
            symbol => {
                let length = extended(bits, &LENGTH_BASES, &LENGTH_EXTRAS, symbol - 257)?;
                let symbol = distances.symbol(bits)?;
                let distance = extended(bits, &DISTANCE_BASES, &DISTANCE_EXTRAS, symbol)?;
                let start = output
                    .len()
                    .checked_sub(distance)
                    .ok_or(GunzipError::Invalid)?;
                // The copy may overlap its own output: byte by byte.
                for position in start..start + length {
                    output.push(output[position]);
                }
            }
        }
        if output.len() > limit {
            return Err(GunzipError::TooLarge);
        }
    }
}

/// Reads what a code's extra bits add to its base.
fn extended(
    bits: &mut Bits<'_>,
    bases: &[u16],
    extras: &[u8],
    symbol: u16,
) -> Result<usize, GunzipError> {
    let index = usize::from(symbol);
    let (base, extra) = bases
        .get(index)
        .zip(extras.get(index))
        .ok_or(GunzipError::Invalid)?;
    Ok(usize::from(*base) + usize::from(bits.number(*extra)?))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn unzip(base64: &str) -> Result<Vec<u8>, GunzipError> {
        gunzip(&BASE64_STANDARD.decode(base64).expect("base64"), 4096)
    }

    /// Made by zlib 1.2.13 and GNU gzip 1.12.
    #[test]
    fn reads_what_other_programs_wrote() {
        let fixed = unzip("H4sIAAAAAAACA8tIzcnJV8hAkACAiPnlEQAAAA==");
        assert_eq!(fixed, Ok(b"hello hello hello".to_vec()));
        let dynamic = unzip(
            "H4sIAAAAAAACA+3MwRHAIAgAsFlpReEUxENh/b67gxkgQNXDHlDXhLlXwVNAJpm+DZjjDaJEGIKDd1pGV17Wej\
             Vrwn7EFza4yU3+yQd9v4nYWAIAAA==",
        );
        let expected = (0..600u32).map(|i| ((i * i * 7 + i / 3) % 23 + 97).to_le_bytes()[0]);
        assert_eq!(dynamic, Ok(expected.collect()));
        let named = unzip("H4sICMKZAWsAA2YudHh0AMtIzcnJ5wIAIDA6NgYAAAA=");
        assert_eq!(named, Ok(b"hello\n".to_vec()));
    }

    #[test]
    fn refuses_damage_at_every_byte_without_panic() {
        let good = BASE64_STANDARD
            .decode("H4sIAAAAAAACA0ssyAxLLSrOzM+zUigz5MrOzEuxUnDOz0vLTOdKHJUjWQ4A+elsoVABAAA=")
            .expect("base64");
        let text = gunzip(&good, 4096).expect("whole");
        assert_eq!(text, b"apiVersion: v1\nkind: Config\n".repeat(12));
        for position in 0..good.len() {
            assert!(gunzip(&good[..position], 4096).is_err() || position >= good.len() - 4);
            let mut bad = good.clone();
            bad[position] ^= 0x55;
            // Beside the header's unused fields and the size at the end, no change passes.
            let unused = (4..10).contains(&position) || position >= good.len() - 4;
            assert!(unused || gunzip(&bad, 4096).is_err(), "byte {position}");
        }
    }

    #[test]
    fn stops_at_the_limit() {
        let good = "H4sIAAAAAAACA0ssyAxLLSrOzM+zUigz5MrOzEuxUnDOz0vLTOdKHJUjWQ4A+elsoVABAAA=";
        let data = BASE64_STANDARD.decode(good).expect("base64");
        assert_eq!(gunzip(&data, 100), Err(GunzipError::TooLarge));
    }
}
