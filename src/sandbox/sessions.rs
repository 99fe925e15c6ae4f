//! The sessions of the older eras, behind rmcp's own seam for them.
//!
//! rmcp's local sessions prime each stream, keep answers for a GET that comes again, and send log messages to
//! the stream of a GET. Here an answer's stream begins with the answer, what belongs to a request comes on its
//! stream, and what belongs to none on that of a GET, where the gate lets one in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, GetExtensions, GetMeta, JsonRpcMessage, ProgressToken,
    RequestId, ServerJsonRpcMessage, ServerNotification,
};
use rmcp::service::OriginatingRequestId;
use rmcp::transport::Transport;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId};
use tokio::sync::mpsc;

use super::clock::Clock;

/// How long a session lives without a message: longer than the slowest tool.
const IDLE: Duration = Duration::from_secs(900);
/// How many sessions may be open; the oldest gives way.
const MAX_SESSIONS: usize = 10_000;
/// Messages that wait for the other side.
const QUEUE: usize = 64;

/// Why a message did not reach its session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// It never was, was ended or timed out.
    #[error("Session not found")]
    NotFound,
    /// A request under way has the id of this one; only one of them could be answered.
    #[error("Request ID is in use")]
    IdInUse,
    /// The server ended it before it answered.
    #[error("the session ended before it answered")]
    Ended,
    /// Nothing is kept to be sent again.
    #[error("no stream can be resumed")]
    NothingKept,
}

/// The open sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<Open>,
    clock: Clock,
}

/// How one who names a session stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Own,
    /// It is another's.
    Foreign,
    /// It ended just now: it was too long without a request.
    Idle,
    Unknown,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<SessionId, Session>,
    created: u64,
}

#[derive(Clone, Debug)]
struct Session {
    number: u64,
    /// Whose it is, once it is open.
    owner: Option<String>,
    to_server: mpsc::Sender<ClientJsonRpcMessage>,
    routes: Routes,
}

/// Where the messages of the server go.
#[derive(Clone, Debug)]
struct Routes {
    table: Arc<Mutex<Table>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Table {
    /// One for each request under way.
    requests: Vec<Route>,
    /// The stream of a GET.
    standalone: Option<mpsc::Sender<ServerSseMessage>>,
    /// When a request last came or was answered.
    used: Duration,
}

/// The way of one message.
enum Way {
    /// On the stream of the request that it belongs to, which waits for it.
    Answer(mpsc::Sender<ServerSseMessage>),
    /// On the stream of a GET. One who does not read it must not hold up the answers.
    Standalone(mpsc::Sender<ServerSseMessage>),
}

#[derive(Debug)]
struct Route {
    request: RequestId,
    progress: Option<ProgressToken>,
    stream: mpsc::Sender<ServerSseMessage>,
}

impl Sessions {
    /// None yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { open: Mutex::default(), clock }
    }

    /// Whose a session is from here on.
    pub(super) fn claim(&self, id: &str, owner: &str) {
        if let Some(session) = self.open().by_id.get_mut(id) {
            session.owner = Some(owner.to_owned());
        }
    }

    /// Notes a request of a session. One that was without for longer than `idle`, if that is any time, ends.
    pub(super) fn visit(&self, id: &str, visitor: &str, idle: Duration) -> Standing {
        let now = self.clock.elapsed(false);
        {
            let mut open = self.open();
            let Some(session) = open.by_id.get_mut(id) else { return Standing::Unknown };
            if session.owner.as_deref().is_some_and(|owner| owner != visitor) {
                return Standing::Foreign;
            }
            let mut table = session.routes.lock();
            let listens = table.standalone.as_ref().is_some_and(|stream| !stream.is_closed());
            let busy = listens || !table.requests.is_empty();
            if busy || idle.is_zero() || now.saturating_sub(table.used) <= idle {
                table.used = now;
                return Standing::Own;
            }
        }
        self.end(id);
        Standing::Idle
    }

    /// Ends a session at once. False where there is none of that id.
    pub(super) fn end(&self, id: &str) -> bool {
        let session = self.open().by_id.remove(id);
        session.map(|session| session.routes.close()).is_some()
    }

    /// Whether there is a session of that id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.open().by_id.contains_key(id)
    }

    fn find(&self, id: &SessionId) -> Result<Session, SessionError> {
        self.open().by_id.get(id).cloned().ok_or(SessionError::NotFound)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Hands a request on; what comes of it is in the receiver, which ends after the answer.
    async fn ask(
        &self,
        message: ClientJsonRpcMessage,
    ) -> Result<mpsc::Receiver<ServerSseMessage>, SessionError> {
        let (stream, receiver) = mpsc::channel(QUEUE);
        if let JsonRpcMessage::Request(request) = &message {
            let progress = request.request.get_meta().get_progress_token();
            let mut table = self.routes.lock();
            if table.requests.iter().any(|route| route.request == request.id) {
                return Err(SessionError::IdInUse);
            }
            table.requests.push(Route { request: request.id.clone(), progress, stream });
        }
        self.tell(message).await?;
        Ok(receiver)
    }

    /// Hands a message on that has no answer.
    async fn tell(&self, message: ClientJsonRpcMessage) -> Result<(), SessionError> {
        if let JsonRpcMessage::Notification(notification) = &message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(request) = &cancelled.params.request_id
        {
            self.routes.take(request);
        }
        self.to_server.send(message).await.map_err(|_| SessionError::NotFound)
    }
}

impl Routes {
    fn take(&self, request: &RequestId) -> Option<mpsc::Sender<ServerSseMessage>> {
        let mut table = self.lock();
        let place = table.requests.iter().position(|route| route.request == *request)?;
        table.used = self.clock.elapsed(false);
        Some(table.requests.remove(place).stream)
    }

    /// The way of a message of the server. An answer ends its route.
    fn of(&self, message: &ServerJsonRpcMessage) -> Option<Way> {
        let on = |wanted: &dyn Fn(&Route) -> bool| {
            let table = self.lock();
            let route = table.requests.iter().find(|route| wanted(route));
            route.map(|route| Way::Answer(route.stream.clone()))
        };
        let origin = match message {
            JsonRpcMessage::Response(response) => return self.take(&response.id).map(Way::Answer),
            JsonRpcMessage::Error(error) => return self.take(error.id.as_ref()?).map(Way::Answer),
            JsonRpcMessage::Request(request) => request.request.extensions().get(),
            JsonRpcMessage::Notification(notification) => match &notification.notification {
                ServerNotification::ProgressNotification(progress) => {
                    let token = Some(&progress.params.progress_token);
                    return on(&|route| route.progress.as_ref() == token);
                }
                other => other.extensions().get(),
            },
        };
        match origin {
            Some(OriginatingRequestId(origin)) => on(&|route| route.request == *origin),
            None => self.lock().standalone.clone().map(Way::Standalone),
        }
    }

    /// Ends all streams.
    fn close(&self) {
        *self.lock() = Table::default();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server's end of a session.
pub(super) struct SessionTransport {
    from_client: mpsc::Receiver<ClientJsonRpcMessage>,
    routes: Routes,
}

impl Transport<RoleServer> for SessionTransport {
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        let way = self.routes.of(&message);
        async move {
            let message = ServerSseMessage::from_message(message);
            match way {
                // A client that went away or cancelled gets nothing more; the call runs on all the same.
                Some(Way::Answer(stream)) => drop(stream.send(message).await),
                Some(Way::Standalone(stream)) => drop(stream.try_send(message)),
                None => {}
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        tokio::time::timeout(IDLE, self.from_client.recv()).await.ok().flatten()
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        self.from_client.close();
        self.routes.close();
        Ok(())
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = SessionTransport;

    async fn create_session(&self) -> Result<(SessionId, SessionTransport), SessionError> {
        let id: SessionId = uuid::Uuid::new_v4().simple().to_string().into();
        let (to_server, from_client) = mpsc::channel(QUEUE);
        let table = Table { used: self.clock.elapsed(false), ..Table::default() };
        let routes = Routes { table: Arc::new(Mutex::new(table)), clock: self.clock.clone() };
        let mut open = self.open();
        if open.by_id.len() >= MAX_SESSIONS {
            let oldest = open.by_id.iter().min_by_key(|(_, session)| session.number);
            if let Some(oldest) = oldest.map(|(id, _)| SessionId::clone(id)) {
                open.by_id.remove(&oldest);
            }
        }
        open.created += 1;
        let session = Session { number: open.created, owner: None, to_server, routes: routes.clone() };
        open.by_id.insert(SessionId::clone(&id), session);
        Ok((id, SessionTransport { from_client, routes }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        let mut answer = self.find(id)?.ask(message).await?;
        let message = answer.recv().await.and_then(|event| event.message).ok_or(SessionError::Ended)?;
        Arc::try_unwrap(message).map_err(|_| SessionError::Ended)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.has(id))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        self.end(id);
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let mut answer = self.find(id)?.ask(message).await?;
        Ok(stream::poll_fn(move |context| answer.poll_recv(context)))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        self.find(id)?.tell(message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let (stream, mut messages) = mpsc::channel(QUEUE);
        // A second one takes the place of the first, which ends.
        self.find(id)?.routes.lock().standalone = Some(stream);
        Ok(stream::poll_fn(move |context| messages.poll_recv(context)))
    }

    async fn resume(
        &self,
        _: &SessionId,
        _: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Err::<stream::Empty<_>, _>(SessionError::NothingKept)
    }
}
