// Speaks Pyro5's wire protocol with serpent and reads answers as Pyrolite and serpent for Java do.
//
// It is a small client of our own, not Pyrolite itself, written after what their published sources
// do: errors are dictionaries whose `args` are cast to Object[] and `attributes` to Map; tuples are
// Object[], lists ArrayList; strings know escapes with x and u and no others with digits; bytes
// arrive as a literal (serpent 1.40) or as the base64 map, and leave as that map; each half of a
// character beyond U+FFFF leaves as an escape of its own.
//
// Usage: java Probe.java HOST PORT OBJECT. Prints "ok" and what was seen; anything else is a failure.

import java.io.*;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;

public class Probe {
    static class RemoteError extends RuntimeException {
        final String type;

        RemoteError(String type, String text) {
            super(text);
            this.type = type;
        }
    }

    // -- one connection

    private final DataInputStream in;
    private final OutputStream out;
    private final String object;
    private int sequence;

    Probe(String host, int port, String object, Object handshake) throws IOException {
        Socket socket = new Socket(host, port);
        socket.setSoTimeout(10_000);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        this.object = object;
        send(1, 0, Map.of("handshake", handshake, "object", object));
        Map<?, ?> welcome = (Map<?, ?>) receive(2);
        if (!new HashSet<>((List<?>) ((Map<?, ?>) welcome.get("meta")).get("methods")).contains("put_many"))
            throw new IllegalStateException("no metadata in " + welcome);
    }

    Object call(String method, Object... arguments) throws IOException {
        return call(0, method, arguments);
    }

    Object call(int flags, String method, Object... arguments) throws IOException {
        sequence = (sequence + 1) & 0xffff;
        send(4, flags, new Object[] {object, method, arguments, Map.of()});
        return (flags & 4) != 0 ? null : receive(5);
    }

    private void send(int type, int flags, Object message) throws IOException {
        StringBuilder text = new StringBuilder("# serpent utf-8 python3.2\n");
        write(message, text);
        byte[] payload = text.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer frame = ByteBuffer.allocate(40 + payload.length);
        frame.put("PYRO".getBytes()).putShort((short) 502).put((byte) type).put((byte) 1);
        frame.putShort((short) flags).putShort((short) sequence).putInt(payload.length).putInt(0);
        frame.put(new byte[16]).putShort((short) 0).putShort((short) 0x4dc5).put(payload);
        out.write(frame.array());
        out.flush();
    }

    private Object receive(int wanted) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(in.readNBytes(40));
        int type = header.get(6), flags = header.getShort(8), sequence = header.getShort(10) & 0xffff;
        in.readNBytes(header.getInt(16));
        String text = new String(in.readNBytes(header.getInt(12)), StandardCharsets.UTF_8);
        Object answer = new Reader(text).read();
        if (type != wanted || sequence != this.sequence)
            throw new IllegalStateException("message of type " + type + ": " + answer);
        if ((flags & 1) != 0)
            throw (RemoteError) answer;
        return answer;
    }

    // -- serpent, as Java writes it

    private static void write(Object value, StringBuilder out) {
        if (value == null) out.append("None");
        else if (value instanceof Boolean) out.append((Boolean) value ? "True" : "False");
        else if (value instanceof String) writeText((String) value, out);
        else if (value instanceof byte[])
            write(Map.of("data", Base64.getEncoder().encodeToString((byte[]) value), "encoding", "base64"), out);
        else if (value instanceof Object[]) {
            List<Object> items = Arrays.asList((Object[]) value);
            writeItems("(", items, items.size() == 1 ? ",)" : ")", out);
        } else if (value instanceof List) writeItems("[", (List<?>) value, "]", out);
        else if (value instanceof Map) {
            String before = "{";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                out.append(before);
                write(entry.getKey(), out);
                out.append(":");
                write(entry.getValue(), out);
                before = ",";
            }
            out.append(before.equals("{") ? "{}" : "}");
        } else out.append(value);
    }

    private static void writeItems(String open, List<?> items, String close, StringBuilder out) {
        out.append(open);
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) out.append(",");
            write(items.get(i), out);
        }
        out.append(close);
    }

    private static void writeText(String text, StringBuilder out) {
        out.append("'");
        for (char c : text.toCharArray()) {
            if (c == '\'' || c == '\\') out.append('\\').append(c);
            else if (c < 32 || c >= 0x7f && c <= 0xa0) out.append(String.format("\\x%02x", (int) c));
            else if (Character.isSurrogate(c)) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        out.append("'");
    }

    // -- serpent, as Java reads it

    private static class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
            at = text.startsWith("#") ? text.indexOf('\n') + 1 : 0;
        }

        Object read() {
            Object value = value();
            skip();
            if (at != text.length()) throw new IllegalStateException("garbage at the end of: " + text);
            return value;
        }

        private Object value() {
            skip();
            char c = text.charAt(at);
            if (c == '(') return items(')').toArray();
            if (c == '[') return items(']');
            if (c == '{') return map();
            if (c == '\'' || c == '"') return string();
            if (c == 'b') {
                at++;
                return string().getBytes(StandardCharsets.ISO_8859_1);
            }
            int begin = at;
            while (at < text.length() && ",:)]} \n".indexOf(text.charAt(at)) < 0) at++;
            return word(text.substring(begin, at));
        }

        private static Object word(String word) {
            if (word.equals("None")) return null;
            if (word.equals("True") || word.equals("False")) return word.equals("True");
            if (word.matches("-?[0-9]+")) return Long.parseLong(word);
            return Double.parseDouble(word);
        }

        private List<Object> items(char close) {
            List<Object> items = new ArrayList<>();
            for (at++; !ends(close); ) {
                items.add(value());
                comma();
            }
            return items;
        }

        private Object map() {
            Map<Object, Object> map = new HashMap<>();
            for (at++; !ends('}'); ) {
                Object key = value();
                skip();
                at++; // the colon
                map.put(key, value());
                comma();
            }
            if (!Boolean.TRUE.equals(map.get("__exception__"))) return map;
            Object[] args = (Object[]) map.get("args"); // these casts are Pyrolite's
            Map<?, ?> attributes = (Map<?, ?>) map.get("attributes");
            if (attributes.containsKey("_pyroTraceback")) throw new IllegalStateException("a traceback");
            return new RemoteError((String) map.get("__class__"), args.length == 0 ? null : (String) args[0]);
        }

        private String string() {
            char quote = text.charAt(at++);
            StringBuilder read = new StringBuilder();
            while (text.charAt(at) != quote) {
                char c = text.charAt(at++);
                read.append(c == '\\' ? escaped() : c);
            }
            at++;
            return read.toString();
        }

        private char escaped() {
            char c = text.charAt(at++);
            int digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
            if (digits == 0) {
                int known = "bfnrt".indexOf(c);
                return known < 0 ? c : "\b\f\n\r\t".charAt(known);
            }
            at += digits;
            return (char) Integer.parseInt(text.substring(at - digits, at), 16);
        }

        private void comma() {
            skip();
            if (text.charAt(at) == ',') at++;
        }

        private boolean ends(char close) {
            skip();
            if (text.charAt(at) != close) return false;
            at++;
            return true;
        }

        private void skip() {
            while (at < text.length() && " \n\r\t".indexOf(text.charAt(at)) >= 0) at++;
        }
    }

    // -- what is to be seen

    private static void same(Object wanted, Object found) {
        if (!Objects.deepEquals(wanted, found))
            throw new IllegalStateException("wanted " + wanted + ", found " + found);
    }

    private static void refused(String type, String start, Probe store, String method, Object... arguments)
            throws IOException {
        try {
            Object answer = store.call(method, arguments);
            throw new IllegalStateException("answered: " + answer);
        } catch (RemoteError error) {
            same(type, error.type);
            if (!error.getMessage().startsWith(start)) throw new IllegalStateException(error.getMessage());
        }
    }

    private static String one(int codePoint) {
        return new String(Character.toChars(codePoint));
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[1]);
        Probe store = new Probe(args[0], port, args[2], "hello");
        String smile = one(0x1f600), unassigned = one(0xe0fff), odd = "it's \\ \" \n\0\u00a0\u2028\u20ac";

        same(1L, store.call("put", "plain", odd));
        same(odd, store.call("get", "plain"));
        same(null, store.call("get", "absent"));

        refused("builtins.ValueError", "INVALID: the key must not be empty", store, "put", "", "v");
        refused("builtins.TypeError", "INVALID: ", store, "put", "k");
        refused("builtins.AttributeError", "no exposed method", store, "nothing");

        for (String text : List.of(smile, "a" + smile + "b", smile + unassigned + "\ufeff")) {
            store.call("put", text, text);
            same(text, store.call("get", text));
            same(List.of(List.of(text, text)), store.call("scan", text));
        }
        // 1,024 bytes of UTF-8 in four each: as halves they would count otherwise, or be refused.
        store.call("put", smile.repeat(256), smile);
        refused("builtins.ValueError", "INVALID: the key is over", store, "put", smile.repeat(257), "v");
        refused("builtins.ValueError", "INVALID: the key has a lone surrogate", store, "put", "\ud83d", "v");
        refused("builtins.ValueError", "INVALID: the value has a lone surrogate", store, "put", "k", "\ude00\ud83d");

        byte[] bytes = new byte[256];
        for (int i = 0; i < 256; i++) bytes[i] = (byte) i;
        store.call("put", "bytes", bytes);
        same(bytes, store.call("get", "bytes"));
        Probe asking = new Probe(args[0], port, args[2], Map.of("bytes", "base64"));
        same(Map.of("data", Base64.getEncoder().encodeToString(bytes), "encoding", "base64"), asking.call("get", "bytes"));
        same(true, asking.call("cas", "bytes", bytes, "text"));
        same("text", store.call("get", "bytes"));

        same(null, store.call(4, "put", "oneway", "done"));
        same("done", store.call("get", "oneway"));
        try {
            store.call(2, "put", "k", "v");
            throw new IllegalStateException("a compressed message was taken");
        } catch (RemoteError error) {
            same("Pyro5.errors.ProtocolError", error.type);
        }
        same(false, store.call("contains", "k"));

        store.call("put_many", List.of(List.of("m1", "1"), new Object[] {"m2", bytes}));
        same("1", ((List<?>) store.call("get_many", List.of("m1", "m2", "m3"))).get(0));
        Map<?, ?> told = (Map<?, ?>) store.call("call", "get", new Object[] {"m1"}, null);
        same("1", told.get("value"));
        same(false, told.get("stale"));
        System.out.println("ok");
    }
}
