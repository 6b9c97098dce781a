//! Reads a body within its caps, inflating as it goes.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use crate::error::Failure;

/// Answers that inflate to less are never called a bomb.
const RATIO_FLOOR: usize = 1 << 20;

/// Collects a body piece by piece.
pub(crate) struct Collector {
    cap: usize,
    ratio: usize,
    received: usize,
    sink: Sink,
}

enum Sink {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Capped>>),
}

impl Collector {
    /// For a body of at most `cap` bytes on the wire and inflated; gzip may grow it `ratio` times.
    pub(crate) fn new(gzip: bool, cap: usize, ratio: usize) -> Self {
        let sink = if gzip {
            let capped = Capped { bytes: Vec::new(), passed: 0, cap: 0, burst: false };
            Sink::Gzip(Box::new(MultiGzDecoder::new(capped)))
        } else {
            Sink::Plain(Vec::new())
        };
        Self { cap, ratio, received: 0, sink }
    }

    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let cap = self.cap;
        self.received = self.received.saturating_add(piece.len());
        if self.received > cap {
            return Err(Failure::TooLarge { cap });
        }
        match &mut self.sink {
            Sink::Plain(bytes) => bytes.extend_from_slice(piece),
            Sink::Gzip(decoder) => {
                let by_ratio = self.received.saturating_mul(self.ratio).max(RATIO_FLOOR);
                decoder.get_mut().cap = by_ratio.min(cap);
                if decoder.write_all(piece).is_err() {
                    return Err(fault_of(decoder.get_ref(), cap));
                }
            }
        }
        Ok(())
    }

    /// Takes out what has come so far; the caps hold for all of it.
    pub(crate) fn drain(&mut self) -> Bytes {
        match &mut self.sink {
            Sink::Plain(bytes) => std::mem::take(bytes).into(),
            Sink::Gzip(decoder) => {
                let capped = decoder.get_mut();
                capped.passed = capped.passed.saturating_add(capped.bytes.len());
                std::mem::take(&mut capped.bytes).into()
            }
        }
    }

    /// The whole body, or what was not taken out of it.
    pub(crate) fn finish(self) -> Result<Bytes, Failure> {
        match self.sink {
            Sink::Plain(bytes) => Ok(bytes.into()),
            // Some servers label an empty body as gzip.
            Sink::Gzip(_) if self.received == 0 => Ok(Bytes::new()),
            Sink::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().bytes).into()),
                Err(_) => Err(fault_of(decoder.get_ref(), self.cap)),
            },
        }
    }
}

fn fault_of(sink: &Capped, cap: usize) -> Failure {
    if sink.burst { Failure::TooLarge { cap } } else { Failure::Truncated }
}

/// A buffer that refuses to grow past its cap.
struct Capped {
    bytes: Vec<u8>,
    /// Bytes that were taken out.
    passed: usize,
    cap: usize,
    burst: bool,
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let size = self.passed.saturating_add(self.bytes.len()).saturating_add(piece.len());
        if size > self.cap {
            self.burst = true;
            return Err(io::Error::other("larger than the cap"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn read(body: &[u8], cap: usize) -> Result<Bytes, Failure> {
        let mut collector = Collector::new(true, cap, 100);
        for piece in body.chunks(1_000) {
            collector.push(piece)?;
        }
        collector.finish()
    }

    #[test]
    fn honest_gzip_comes_out_whole() {
        let plain: Vec<u8> =
            (0..200_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        assert_eq!(read(&gzip(&plain), 8 << 20).unwrap(), plain);
        assert_eq!(read(&[], 10).unwrap(), Bytes::new());
        let repetitive = vec![b' '; RATIO_FLOOR];
        assert_eq!(read(&gzip(&repetitive), 8 << 20).unwrap(), repetitive);
    }

    #[test]
    fn a_bomb_is_refused_by_ratio_and_by_cap() {
        let cap = 64 << 20;
        let bomb = gzip(&vec![0; 8 << 20]);
        assert_eq!(read(&bomb, cap), Err(Failure::TooLarge { cap }));
        assert_eq!(read(&gzip(&[7; 5_000]), 4_999), Err(Failure::TooLarge { cap: 4_999 }));
    }

    #[test]
    fn what_was_taken_out_counts_for_the_cap() {
        let plain: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        for (cap, fits) in [(plain.len(), true), (plain.len() - 1, false)] {
            for (is_gzip, body) in [(true, gzip(&plain)), (false, plain.clone())] {
                let mut collector = Collector::new(is_gzip, cap, 100);
                let mut out = Vec::new();
                let pushed = body.chunks(1_000).try_for_each(|piece| {
                    collector.push(piece)?;
                    out.extend(collector.drain());
                    Ok(())
                });
                let whole = pushed.and_then(|()| collector.finish());
                assert_eq!(whole.is_ok(), fits);
                out.extend(whole.unwrap_or_default());
                assert_eq!(out == plain, fits);
            }
        }
    }

    #[test]
    fn gzip_that_stops_or_is_none_is_truncated() {
        let whole = gzip(b"hello hello hello");
        let cut = whole.get(..whole.len() - 6).unwrap();
        assert_eq!(read(cut, 1_000), Err(Failure::Truncated));
        assert_eq!(read(b"no gzip at all", 1_000), Err(Failure::Truncated));
    }
}
