// Package wire is what travels between a controller and its agents: frames, the messages in them, and the links that
// carry them. PROTOCOL.md beside it defines the bytes. It knows no transports and starts nothing: agent and
// executor/broker use it to talk, agent/bootstrap and agent/child to find the first byte of a peer.
package wire

// PeerID names a peer on one connection. The controller grants it; 0 is never granted. A peer learns its id from the
// first frame that comes down to it (but for pings), which is always addressed to it. Before that, and whenever it
// likes, it writes 0 for itself: whoever reads a stream takes 0 for the peer at its other end, and puts the id in its
// place when it passes the frame on.
type PeerID uint32

// CallID names a call on its peer. The controller grants it; 0 stands in frames that belong to no call.
type CallID uint32

// Kind says what a frame is for.
type Kind uint8

// The kinds of frames. Down means from the controller towards a peer, up the other way.
const (
	KindHello   Kind = iota + 1 // up: Hello, the first frame of a peer
	KindOpen                    // down, to the parent: Open, start the child whose id is in Call
	KindLost                    // up, from the parent in the child's name: Lost, the peer and all behind it are gone
	KindClose                   // down: end this peer and everything behind it
	KindCall                    // down: Call
	KindStarted                 // up: Started, the call holds its lane and runs now, or waits for it
	KindData                    // both: raw bytes of one stream of a call; an empty payload ends the stream
	KindCredit                  // both: Credit, more bytes may be sent on one stream of a call
	KindCancel                  // down: Cancel
	KindResult                  // up: Result, the last frame of a call
	KindRefused                 // both: Refused, a frame could not be taken
	KindPing                    // both, one link only: answered with KindPong
	KindPong                    // both, one link only
	KindPiece                   // down: bytes of the input of a call, with their offset; an empty payload says where it ends
	KindFeed                    // down: Feed, the input of a call comes from the content that the call of the frame holds
)

// Stream tells the byte streams of one call apart. Frames that belong to none carry 0.
type Stream uint8

// The streams of a call.
const (
	StreamInput  Stream = iota // down
	StreamOutput               // up: standard output, or the bytes that an action reads
	StreamError                // up: standard error
)

// Frame is the unit of the wire: a fixed header and a payload whose meaning Kind gives.
type Frame struct {
	Kind    Kind
	Stream  Stream
	Peer    PeerID // the addressee downwards; upwards the author, or 0 for the peer at the end of the stream
	Call    CallID // in KindOpen the id granted to the new peer
	Offset  uint64 // of a KindPiece in its stream
	Payload []byte
}

// Sizes that both sides keep to.
const (
	HeaderSize = 14        // bytes: length u32, kind u8, stream u8, peer u32, call u32, big endian
	OffsetSize = 8         // bytes: of the offset u64 that stands before the bytes of a piece, and counts as payload
	MaxPayload = 4 << 20   // bytes of one frame's payload
	MaxChunk   = 64 << 10  // bytes of one data frame's payload, or of a piece behind its offset
	MaxSmall   = 16 << 10  // bytes of one frame's payload, of the kinds that carry no content
	MaxNoise   = 64 << 10  // bytes before a hello
	Window     = 256 << 10 // bytes of one stream that may be under way without further credit
	MaxInline  = 256 << 10 // bytes of content that a call carries itself; more goes by StreamInput
	MaxPending = 8 << 20   // bytes of call payloads that may wait at one peer, held frames included
	MaxCalls   = 4096      // calls that may wait at one peer
	MaxAhead   = 32 << 20  // bytes of call payloads, MaxCalls of them, that may be held on one link for peers that have not said hello
)
