//! Bytes to and from a server: Streamable HTTP and its SSE streams, with limits of size and time. Headers come
//! with the message; nothing here knows a method's name.
