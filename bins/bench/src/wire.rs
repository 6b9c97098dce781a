//! The barest HTTP client there is: one kept connection, one call at a time, nothing checked that need not be.
//!
//! It shows what the network and the tracker cost when nobody does anything besides.

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Wire {
    stream: BufStream<TcpStream>,
    host: String,
    authorization: Option<String>,
}

impl Wire {
    /// Connects to `host:port`.
    pub(crate) async fn open(host: &str, authorization: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("connect {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufStream::with_capacity(64 << 10, 64 << 10, stream),
            host: host.to_owned(),
            authorization: authorization.map(ToOwned::to_owned),
        })
    }

    /// One call; `body` null sends none.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = match &self.authorization {
            Some(words) => format!("Authorization: {words}\r\n"),
            None => String::new(),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\n{authorization}Content-Length: {}\r\n\r\n",
            self.host,
            text.len()
        );
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await?;
        let (status, answer) = self.answer().await?;
        anyhow::ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn answer(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).context("no status line")?.parse()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(self.line().await?.trim(), 16)?;
                self.take(size, &mut body).await?;
                self.line().await?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length, &mut body).await?;
        }
        Ok((status, body))
    }

    async fn take(&mut self, size: usize, body: &mut Vec<u8>) -> anyhow::Result<()> {
        let at = body.len();
        body.resize(at + size, 0);
        self.stream.read_exact(&mut body[at..]).await?;
        Ok(())
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        anyhow::ensure!(self.stream.read_line(&mut line).await? > 0, "the connection was closed");
        Ok(line.trim_end().to_owned())
    }
}
