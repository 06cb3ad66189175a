# Knocks at a door of sallyport (RKS1, and fixed sequences) from Windows, without installation: Windows PowerShell
# 5.1 or PowerShell 7, .NET classes only. Takes the options of `sallyport knock`, prints its messages, ends with its
# exit codes (in $LASTEXITCODE).
#
#   .\sallyport-knock.ps1 --save home        store a link (asked for, not shown) as "home"
#   .\sallyport-knock.ps1 home               knock, wait until the door answers
#   Get-Clipboard | .\sallyport-knock.ps1 -  the link from the clipboard
#
# The program is the C# below, in the language of PowerShell 5.1's compiler. That part is tested with every change:
# compiled by Mono's C# compiler, it draws the published vectors, prints sallyport's messages and opens real doors. The
# PowerShell around it, the first and the last lines of this file, has not been run yet.

$source = @'
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

namespace Sallyport
{
    /// One finished sentence for a person, and the exit code that goes with it.
    public class KnockError : Exception
    {
        public readonly int Code;
        public KnockError(string message, int code) : base(message) { Code = code; }
        public KnockError(string message) : this(message, 1) { }
    }

    public class PortRange
    {
        static readonly Regex Written = new Regex(@"\A([0-9]{1,5})(?:-([0-9]{1,5}))?(?:[/:](tcp|udp))?\z");
        public string Proto;
        public int From, To;

        /// "22", "22/tcp", "8000-8010:udp"; null for any other text.
        public static PortRange Read(string text)
        {
            Match found = Written.Match(text);
            if (!found.Success) return null;
            PortRange range = new PortRange();
            range.From = int.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture);
            range.To = found.Groups[2].Success ? int.Parse(found.Groups[2].Value, CultureInfo.InvariantCulture) : range.From;
            range.Proto = found.Groups[3].Success ? found.Groups[3].Value : "tcp";
            return range.From < 1 || range.To > 65535 || range.From > range.To ? null : range;
        }

        public override string ToString()
        {
            return (From == To ? From.ToString() : From + "-" + To) + "/" + Proto;
        }
    }

    /// RKS1: without clock, files or network.
    public static class Rks
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

        /// Null for other text, and for any but the one spelling of its bytes.
        public static byte[] DecodeBase32(string text)
        {
            List<byte> bytes = new List<byte>();
            int buffer = 0, bits = 0;
            foreach (char written in text)
            {
                int value = written > 'z' ? -1 : Alphabet.IndexOf(char.ToUpperInvariant(written));
                if (value < 0) return null;
                buffer = buffer << 5 | value;
                bits += 5;
                if (bits >= 8)
                {
                    bits -= 8;
                    bytes.Add((byte)(buffer >> bits));
                }
                buffer &= (1 << bits) - 1;
            }
            return bits >= 5 || buffer != 0 ? null : bytes.ToArray();
        }

        public static string EncodeBase32(byte[] bytes)
        {
            StringBuilder text = new StringBuilder();
            int buffer = 0, bits = 0;
            foreach (byte one in bytes)
            {
                buffer = buffer << 8 | one;
                bits += 8;
                while (bits >= 5)
                {
                    bits -= 5;
                    text.Append(Alphabet[buffer >> bits & 31]);
                }
                buffer &= (1 << bits) - 1;
            }
            if (bits > 0) text.Append(Alphabet[buffer << (5 - bits) & 31]);
            return text.ToString();
        }

        public static byte[] Hmac(byte[] key, byte[] message)
        {
            using (HMACSHA256 mac = new HMACSHA256(key)) return mac.ComputeHash(message);
        }

        public static byte[] ServerKey(byte[] master, string server)
        {
            return Hmac(master, Encoding.ASCII.GetBytes("RKS1\0server\0" + server));
        }

        /// The n distinct ports of a door in a slot, in the order drawn.
        public static List<int> Ports(byte[] key, string door, int lo, int hi, int n, long slot)
        {
            int size = hi - lo + 1;
            int limit = 65536 - 65536 % size;
            byte[] message = Encoding.ASCII.GetBytes("RKS1\0ports\0" + door + "\0............");
            for (int i = 0; i < 8; i++) message[message.Length - 12 + i] = (byte)(slot >> 56 - 8 * i);
            List<int> ports = new List<int>();
            for (uint block = 0; ; block++)
            {
                for (int i = 0; i < 4; i++) message[message.Length - 4 + i] = (byte)(block >> 24 - 8 * i);
                byte[] drawn = Hmac(key, message);
                for (int i = 0; i < drawn.Length; i += 2)
                {
                    int draw = drawn[i] << 8 | drawn[i + 1];
                    int port = lo + draw % size;
                    if (draw >= limit || ports.Contains(port)) continue;
                    ports.Add(port);
                    if (ports.Count == n) return ports;
                }
            }
        }
    }

    /// One device's way to one door. Holds the key: treat it as a password.
    public class Profile
    {
        static readonly Regex Link = new Regex(@"\Arks1://([^@/?#]+)@(\[[^\]@/?#]+\]|[^@/?#:\[\]]+)/([^/?#]+)\?([^#]+)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        static readonly Regex User = new Regex(@"\A[^\s/\p{Cc}]{1,64}(/[^\s/\p{Cc}]{1,64})?\z");
        static readonly string[] Parameters = { "key", "lo", "hi", "n", "step", "proto", "opens" };
        static readonly Regex Part = new Regex(@"\A[A-Za-z0-9&=,/%._~:@?\[\]-]+\z");

        public string Owner, Host, Door, Proto;
        public byte[] Key;
        public int Lo, Hi, N, Step;
        public List<PortRange> Opens = new List<PortRange>();

        /// Quotes nothing: the misplaced part of a link may be the key.
        public static KnockError Refuse(string reason)
        {
            return new KnockError("Cannot read the profile link: " + reason, 64);
        }

        static string Unescape(string encoded)
        {
            string text = encoded.Replace('+', ' ');
            return Regex.IsMatch(text, "%(?![0-9A-Fa-f]{2})") ? text : Uri.UnescapeDataString(text);
        }

        static int Number(Dictionary<string, string> given, string name, int standard, int least, int most)
        {
            string text;
            if (!given.TryGetValue(name, out text)) return standard;
            int value;
            if (Regex.IsMatch(text, @"\A[0-9]{1,5}\z") && int.TryParse(text, out value) && value >= least && value <= most) return value;
            throw Refuse("its \"" + name + "\" is out of bounds: write a whole number from " + least + " to " + most);
        }

        public static Profile Read(string text)
        {
            Match found = Link.Match(text.Trim());
            if (!found.Success) throw Refuse("it is not one: it looks like rks1://USER@HOST/DOOR?key=\u2026");
            Profile profile = new Profile();
            profile.Door = found.Groups[3].Value;
            if (!Regex.IsMatch(profile.Door, @"\A[a-z0-9-]{1,63}\z")) throw Refuse("its door is not a name: write a\u2013z, 0\u20139 and hyphens");
            Dictionary<string, string> given = new Dictionary<string, string>();
            foreach (string pair in found.Groups[4].Value.Split('&'))
            {
                if (pair.Length == 0) continue;
                int sign = pair.IndexOf('=');
                string name = Unescape(sign < 0 ? pair : pair.Substring(0, sign));
                if (Array.IndexOf(Parameters, name) < 0) throw Refuse("it has a parameter that RKS1 does not know: write only " + string.Join(", ", Parameters));
                if (given.ContainsKey(name)) throw Refuse("its \"" + name + "\" stands twice: write it once");
                given[name] = sign < 0 ? "" : Unescape(pair.Substring(sign + 1));
            }
            profile.Lo = Number(given, "lo", 20000, 1, 65535);
            profile.Hi = Number(given, "hi", 52767, 1, 65535);
            if (profile.Hi - profile.Lo + 1 < 1000) throw Refuse("its \"lo\" and \"hi\" leave too few ports: make the range 1000 or more");
            profile.Proto = given.ContainsKey("proto") ? given["proto"] : "tcp";
            if (profile.Proto != "tcp" && profile.Proto != "udp") throw Refuse("its \"proto\" is neither \"tcp\" nor \"udp\"");
            string user = found.Groups[1].Value;
            bool broken = Regex.IsMatch(user, "%(?![0-9A-Fa-f]{2})");
            profile.Owner = broken ? "" : Uri.UnescapeDataString(user);
            if (!User.IsMatch(profile.Owner)) throw Refuse("its user is not a name: write \"alice@\" or \"alice%2Flaptop@\" before the host");
            profile.Host = Addresses.ReadHost(found.Groups[2].Value);
            if (profile.Host == null) throw Refuse("its host is not one: write a name, an IPv4 address or an IPv6 address in brackets");
            if (Addresses.LacksZone(profile.Host)) throw Refuse("its host is a link-local address, which says nothing without an interface: write [fe80::\u2026%25eth0], with the name of the one that leads there on the computer that knocks");
            if (!given.ContainsKey("key")) throw Refuse("it has no key: copy the whole link");
            profile.Key = Rks.DecodeBase32(given["key"]);
            if (profile.Key == null || profile.Key.Length != 32) throw Refuse("its key is not 32 bytes of base32 (52 characters): copy the whole link");
            profile.N = Number(given, "n", 8, 3, 16);
            profile.Step = Number(given, "step", 30, 10, 300);
            string opens;
            if (given.TryGetValue("opens", out opens) && opens.Length > 0)
            {
                foreach (string part in opens.Split(','))
                {
                    PortRange range = PortRange.Read(part);
                    if (range == null) throw Refuse("its \"opens\" is not a list of ports: write \"22/tcp\"");
                    profile.Opens.Add(range);
                }
            }
            return profile;
        }

        /// The link without the parameters that have their default.
        public string Format()
        {
            string query = "key=" + Rks.EncodeBase32(Key);
            if (Lo != 20000) query += "&lo=" + Lo;
            if (Hi != 52767) query += "&hi=" + Hi;
            if (N != 8) query += "&n=" + N;
            if (Step != 30) query += "&step=" + Step;
            if (Proto != "tcp") query += "&proto=" + Proto;
            if (Opens.Count > 0) query += "&opens=" + string.Join(",", Opens);
            int zone = Host.IndexOf('%');
            string host = zone < 0 ? Host : Host.Substring(0, zone) + "%25" + Uri.EscapeDataString(Host.Substring(zone + 1));
            if (host.IndexOf(':') >= 0) host = "[" + host + "]";
            return "rks1://" + Uri.EscapeDataString(Owner) + "@" + host + "/" + Door + "?" + query;
        }

        /// The first TCP port that the door opens; 0 for none.
        public int TcpPort
        {
            get
            {
                foreach (PortRange range in Opens) if (range.Proto == "tcp") return range.From;
                return 0;
            }
        }

        static string Bare(string line)
        {
            return Regex.Replace(Regex.Replace(line, @"\A[\s>|]+", ""), "\\A[\"'`<(\u201c\u2018\u00ab]+|[\"'`>)\u201d\u2019\u00bb,;\\s]+\\z", "");
        }

        /// The one link in pasted text: quoted, between words, wrapped by a mail program.
        public static string Pick(string text)
        {
            Regex beginning = new Regex("rks1://", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
            int count = beginning.Matches(text).Count;
            if (count > 1) throw Refuse("there are " + count + " links: give it one at a time, each under a name of its own");
            string picked = null;
            foreach (string line in text.Split('\r', '\n'))
            {
                if (line.Length == 0) continue;
                string bare = Bare(line);
                if (picked != null)
                {
                    if (!Part.IsMatch(bare)) break;
                    picked += bare;
                }
                else if (count == 0)
                {
                    if (bare.Length > 0) return bare;
                }
                else if (beginning.IsMatch(line))
                {
                    picked = Bare(Regex.Split(line.Substring(beginning.Match(line).Index), @"\s")[0]);
                }
            }
            if (picked == null) throw Refuse("standard input is empty: paste the link, or pipe it in");
            return picked;
        }
    }

    public static class Addresses
    {
        static readonly Regex Name = new Regex(@"\A(?=.{1,253}\z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        static readonly Regex Zone = new Regex(@"\A[^\s/:%\p{Cc}]{1,15}\z");

        static bool Is4(string text)
        {
            return Regex.IsMatch(text, @"\A((0|[1-9][0-9]{0,2})(\.(?!\z)|\z)){4}\z") && Array.TrueForAll(text.Split('.'), delegate (string part) { return int.Parse(part) < 256; });
        }

        static bool Is6(string text)
        {
            IPAddress address;
            return Regex.IsMatch(text, @"\A[0-9A-Fa-f:.]+\z") && text.IndexOf(':') >= 0 && text.IndexOf(":::") < 0
                && IPAddress.TryParse(text, out address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        }

        /// Whether an address means nothing without an interface: fe80::/10.
        public static bool LacksZone(string text)
        {
            if (!Is6(text)) return false;
            byte[] bytes = IPAddress.Parse(text).GetAddressBytes();
            return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
        }

        public static bool IsLiteral(string text)
        {
            return Is4(text) || Is6(text) || IsScoped(text);
        }

        public static bool IsScoped(string text)
        {
            int at = text.IndexOf('%');
            return at >= 0 && LacksZone(text.Substring(0, at)) && Zone.IsMatch(text.Substring(at + 1));
        }

        /// The host as a link writes it; a zone follows "%25" (RFC 6874), or "%" as people paste it. Null for other text.
        public static string ReadHost(string written)
        {
            if (!written.StartsWith("[", StringComparison.Ordinal))
            {
                bool right = Regex.IsMatch(written, @"\A[0-9.]+\z") ? Is4(written) : Name.IsMatch(written);
                return right ? written : null;
            }
            string host = written.Substring(1, written.Length - 2);
            int at = host.IndexOf('%');
            if (at < 0) return Is6(host) ? host : null;
            string zone = host.Substring(at + 1);
            if (zone.Length > 2 && zone.StartsWith("25", StringComparison.Ordinal))
            {
                if (Regex.IsMatch(zone, "%(?![0-9A-Fa-f]{2})")) return null;
                zone = Uri.UnescapeDataString(zone.Substring(2));
            }
            host = host.Substring(0, at) + "%" + zone;
            return IsScoped(host) ? host : null;
        }

        /// Interfaces through which link-local addresses can be reached: name and number of each.
        static List<KeyValuePair<string, long>> Zones()
        {
            List<KeyValuePair<string, long>> zones = new List<KeyValuePair<string, long>>();
            foreach (NetworkInterface one in NetworkInterface.GetAllNetworkInterfaces())
            {
                foreach (UnicastIPAddressInformation own in one.GetIPProperties().UnicastAddresses)
                {
                    if (!own.Address.IsIPv6LinkLocal) continue;
                    zones.Add(new KeyValuePair<string, long>(one.Name, own.Address.ScopeId));
                    break;
                }
            }
            return zones;
        }

        /// Why a host cannot be knocked on from here without an interface; null where none is missing.
        public static string MissingZone(string host)
        {
            bool lacks = LacksZone(host);
            if (!lacks && !IsScoped(host)) return null;
            List<string> names = new List<string>();
            string zone = host.Substring(host.IndexOf('%') + 1);
            foreach (KeyValuePair<string, long> one in Zones())
            {
                if (!lacks && (one.Key == zone || one.Value.ToString() == zone)) return null;
                // A name of Windows with blanks cannot be in a link: its number can.
                names.Add(Zone.IsMatch(one.Key) ? one.Key : one.Value.ToString());
            }
            if (lacks)
            {
                return "a link-local address says nothing without the interface that leads there: write " + host + "%"
                    + (names.Count == 0 ? "eth0, with its name, and bring it up" : string.Join(" or %", names));
            }
            return "no interface " + zone + " of this computer is up with a link-local address: "
                + (names.Count == 0 ? "bring it up" : "write " + string.Join(" or ", names) + " in its place");
        }

        public static IPAddress Parse(string text)
        {
            int at = text.IndexOf('%');
            if (at < 0) return IPAddress.Parse(text);
            byte[] bytes = IPAddress.Parse(text.Substring(0, at)).GetAddressBytes();
            string zone = text.Substring(at + 1);
            long scope;
            if (!long.TryParse(zone, out scope))
            {
                foreach (KeyValuePair<string, long> one in Zones()) if (one.Key == zone) scope = one.Value;
            }
            return new IPAddress(bytes, scope);
        }
    }

    /// Used slots as empty files: creating a file exclusively claims its slot, so two knocks never share one.
    public class Slots
    {
        /// Files of the highest slots: a clock that runs ahead must not take the memory of others.
        const int Kept = 16;
        readonly string device, folder;

        public Slots(string root, Profile profile)
        {
            byte[] mac = Rks.Hmac(profile.Key, Encoding.ASCII.GetBytes("sallyport client slots\0" + profile.Door));
            device = Path.Combine(root, BitConverter.ToString(mac).Replace("-", "").ToLowerInvariant().Substring(0, 32));
            folder = Path.Combine(device, profile.Step + "s");
        }

        List<long> Read()
        {
            List<long> slots = new List<long>();
            if (!Directory.Exists(folder)) return slots;
            foreach (string path in Directory.GetFiles(folder))
            {
                if (Regex.IsMatch(Path.GetFileName(path), @"\A[0-9]{1,15}\z")) slots.Add(long.Parse(Path.GetFileName(path)));
            }
            slots.Sort();
            return slots;
        }

        /// The highest slot used; -1 before the first.
        public long Last()
        {
            List<long> slots = Read();
            return slots.Count == 0 ? -1 : slots[slots.Count - 1];
        }

        public bool Claim(long slot)
        {
            string path = Path.Combine(folder, slot.ToString());
            try
            {
                Directory.CreateDirectory(folder);
                new FileStream(path, FileMode.CreateNew, FileAccess.Write).Dispose();
            }
            catch (Exception error)
            {
                if (File.Exists(path)) return false;
                throw new KnockError("Cannot write " + path + ": " + error.Message.TrimEnd('.') + ": a slot must be remembered before it is used: make the folder writable, or name another in XDG_STATE_HOME");
            }
            List<long> slots = Read();
            for (int i = 0; i < slots.Count - Kept; i++) File.Delete(Path.Combine(folder, slots[i].ToString()));
            return slot > slots[slots.Count - 1] - Kept;
        }

        /// Forgets those that no knock may use yet: the server may have believed the knocks of all others.
        public void ForgetAhead(double now)
        {
            try
            {
                if (!Directory.Exists(device)) return;
                foreach (string length in Directory.GetDirectories(device))
                {
                    if (!Regex.IsMatch(Path.GetFileName(length), @"\A[1-9][0-9]{0,4}s\z")) continue;
                    long highest = (long)Math.Floor(now / int.Parse(Path.GetFileName(length).TrimEnd('s'))) + 1;
                    foreach (string path in Directory.GetFiles(length))
                    {
                        if (Regex.IsMatch(Path.GetFileName(path), @"\A[0-9]{1,15}\z") && long.Parse(Path.GetFileName(path)) > highest) File.Delete(path);
                    }
                }
            }
            catch (Exception error)
            {
                throw new KnockError("Cannot forget the slots used in " + device + ": " + error.Message.TrimEnd('.') + ": make the folder writable, or name another in XDG_STATE_HOME");
            }
        }
    }

    public class Target
    {
        public string Text;
        public IPAddress Address;
        public int Family { get { return Address.AddressFamily == AddressFamily.InterNetworkV6 ? 6 : 4; } }

        public Target(string text, IPAddress address) { Text = text; Address = address; }

        bool HasRoute()
        {
            try
            {
                using (Socket asked = new Socket(Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp)) asked.Connect(new IPEndPoint(Address, 9));
                return true;
            }
            catch (SocketException) { return false; }
        }

        /// Addresses with a route, families taken in turn, the resolver's first one first; family 0 is either.
        public static List<Target> Find(string given, int family)
        {
            bool bare = given.IndexOf(':') >= 0 && !given.StartsWith("[", StringComparison.Ordinal);
            string host = Addresses.ReadHost(bare ? "[" + given + "]" : given) ?? given;
            if (host.StartsWith("[", StringComparison.Ordinal) && host.EndsWith("]", StringComparison.Ordinal)) host = host.Substring(1, host.Length - 2);
            string reason = Addresses.MissingZone(host);
            if (reason != null) throw new KnockError("Cannot knock on " + host + ": " + reason);
            List<Target> wanted = new List<Target>();
            if (Addresses.IsLiteral(host)) wanted.Add(new Target(host, Addresses.Parse(host)));
            else
            {
                try
                {
                    foreach (IPAddress one in Dns.GetHostAddresses(host)) wanted.Add(new Target(one.ToString(), one));
                }
                catch (SocketException error)
                {
                    string said = error.SocketErrorCode == SocketError.HostNotFound || error.SocketErrorCode == SocketError.NoData ? "no such name" : error.Message.TrimEnd('.');
                    throw new KnockError("Cannot look up " + given + ": " + said + ": check its spelling and this computer's DNS");
                }
            }
            if (family != 0) wanted.RemoveAll(delegate (Target one) { return one.Family != family; });
            if (wanted.Count == 0) throw new KnockError("Cannot knock on " + given + " over IPv" + family + ": it has no such address: leave out -" + family);
            List<Target> routed = wanted.FindAll(delegate (Target one) { return one.HasRoute(); });
            if (routed.Count == 0)
            {
                string listed = string.Join(", ", wanted.ConvertAll(delegate (Target one) { return one.Text; }));
                throw new KnockError("Cannot knock on " + host + ": this computer has no route to " + listed + ": connect it to a network that does");
            }
            int begins = routed[0].Family;
            List<Target> first = routed.FindAll(delegate (Target one) { return one.Family == begins; });
            List<Target> second = routed.FindAll(delegate (Target one) { return one.Family != begins; });
            List<Target> targets = new List<Target>();
            for (int i = 0; i < Math.Max(first.Count, second.Count); i++)
            {
                if (i < first.Count) targets.Add(first[i]);
                if (i < second.Count) targets.Add(second[i]);
            }
            return targets;
        }
    }

    /// Connections under way to one port, the first of them perhaps from before the knock.
    public class Probes
    {
        readonly Target target;
        readonly int port;
        readonly List<Socket> pending = new List<Socket>();
        readonly Stopwatch sinceFirst = new Stopwatch();
        Socket first;
        public string Before = "silent";
        public bool Refused;

        public Probes(Target target, int port) { this.target = target; this.port = port; }

        /// A connection whose SYN leaves now; null where it was refused at once.
        public static Socket Begin(Target target, int port)
        {
            Socket begun = new Socket(target.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            begun.Blocking = false;
            try
            {
                begun.Connect(new IPEndPoint(target.Address, port));
            }
            catch (SocketException error)
            {
                SocketError code = error.SocketErrorCode;
                if (code != SocketError.WouldBlock && code != SocketError.InProgress && code != SocketError.AlreadyInProgress)
                {
                    begun.Close();
                    return null;
                }
            }
            return begun;
        }

        public void Start() { if (!Add(Begin(target, port))) Refused = true; }

        public void StartBefore()
        {
            first = Begin(target, port);
            sinceFirst.Start();
            if (!Add(first)) Before = "refused";
        }

        bool Add(Socket begun)
        {
            if (begun != null) pending.Add(begun);
            return begun != null;
        }

        /// Whether one connects within so many milliseconds; true as soon as it does.
        public bool Wait(int ms)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (true)
            {
                // The SYN that the kernel repeats after a second would see the effect of the knock.
                if (first != null && pending.Contains(first) && sinceFirst.ElapsedMilliseconds >= 900)
                {
                    pending.Remove(first);
                    first.Close();
                }
                int left = (int)Math.Min(ms - watch.ElapsedMilliseconds, 50);
                if (left <= 0) return false;
                if (pending.Count == 0)
                {
                    Thread.Sleep(left);
                    continue;
                }
                List<Socket> ready = new List<Socket>(pending), broken = new List<Socket>(pending);
                Socket.Select(null, ready, broken, left * 1000);
                foreach (Socket one in broken) if (!ready.Contains(one)) ready.Add(one);
                foreach (Socket one in ready)
                {
                    int code = (int)one.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error);
                    bool stands = code == 0 && one.Connected | one.Poll(0, SelectMode.SelectWrite);
                    if (one == first) Before = stands ? "open" : "refused";
                    else if (!stands) Refused = true;
                    if (stands) return true;
                    pending.Remove(one);
                    one.Close();
                    if (one == first && pending.Count == 0) return false;
                }
            }
        }

        public void End()
        {
            foreach (Socket one in pending) one.Close();
            pending.Clear();
        }
    }

    public class Outcome
    {
        public string State, Before;
        public Target Target;
        public int Port, Attempts;
        public double ElapsedMs, SinceMs;
    }

    public class Result
    {
        public int Code;
        public readonly List<string> Lines = new List<string>();
    }

    public class Knock
    {
        const string Self = "sallyport-knock.ps1";
        const int Copies = 2, WindowSeconds = 10, FixedGapMs = 5, LinkLength = 8192;
        const int HoldMs = 150; // Windows sends a SYN a moment after Connect, and again when it is refused
        static readonly int[] ProbesAt = { 5, 40, 120, 300, 700, 1200 };

        readonly Result result = new Result();
        readonly string input, profiles, slots;
        readonly Random random = new Random();
        int family, tries = 3, timeoutMs = 2000, wait, delay = -1;
        bool noWait, udp, json, verbose, force, help;
        string save, forget, named;
        readonly List<string> words = new List<string>();

        Knock(string input)
        {
            this.input = input;
            profiles = Base("XDG_CONFIG_HOME", ".config", "profiles");
            slots = Base("XDG_STATE_HOME", Path.Combine(".local", "state"), "slots");
        }

        static string Base(string variable, string fallback, string leaf)
        {
            string folder = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrEmpty(folder) || !Path.IsPathRooted(folder))
            {
                string home = Environment.GetEnvironmentVariable("HOME");
                if (string.IsNullOrEmpty(home) || !Path.IsPathRooted(home)) home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
                folder = Path.Combine(home, fallback);
            }
            return Path.Combine(Path.Combine(folder, "sallyport"), leaf);
        }

        public static Result Run(string[] arguments) { return Run(arguments, null); }

        /// Runs a command line; `input` is the text from the pipe, null without a pipe.
        public static Result Run(string[] arguments, string input)
        {
            Knock knock = new Knock(input);
            try
            {
                knock.ReadArguments(arguments);
                knock.Act();
            }
            catch (KnockError error)
            {
                Note(error.Message);
                knock.result.Code = error.Code;
            }
            return knock.result;
        }

        const string Help = "Usage: .\\" + Self + " [options] [profile] [ports...]\n\n"
            + "Knock at a door and wait until it answers\n\n"
            + "Arguments:\n"
            + "  profile               saved profile, \"-\" (link on standard input), or a host\n"
            + "  ports                 fixed sequence for a host: 7000 8000:udp 9000/tcp\n\n"
            + "Options:\n"
            + "  -4, --ipv4            knock over IPv4 only\n"
            + "  -6, --ipv6            knock over IPv6 only\n"
            + "  -d, --delay <ms>      pause between two packets\n"
            + "  -u, --udp             send the whole fixed sequence over UDP\n"
            + "  --wait <port>         TCP port to wait for\n"
            + "  --no-wait             knock once and do not wait for an answer\n"
            + "  --tries <n>           knocks at most (default: 3)\n"
            + "  --timeout <duration>  how long each knock waits for the answer (default: 2s)\n"
            + "  --save <name>         store a link, read from standard input, under a name\n"
            + "  --force               let --save replace a stored link\n"
            + "  --forget <profile>    forget the slots used by a clock that was ahead\n"
            + "  --json                print the outcome as JSON\n"
            + "  -v, --verbose         say what happens\n"
            + "  -h, --help            show this";

        static void Note(string line) { Console.Error.WriteLine(Self + ": " + line); }

        static KnockError Usage(string message) { return new KnockError(message, 64); }

        // --- Arguments

        static KnockError Misread(string reason)
        {
            return Usage("Cannot read the command line: " + reason + ": see \"" + Self + " --help\"");
        }

        static int Whole(string option, string text, int least, int most)
        {
            int value;
            if (Regex.IsMatch(text, @"\A[0-9]{1,6}\z") && int.TryParse(text, out value) && value >= least && value <= most) return value;
            throw Misread(option + ": Write a whole number from " + least + " to " + most + ".");
        }

        static int Duration(string option, string text)
        {
            Match found = Regex.Match(text, @"\A([0-9]{1,9})(ms|s|m)\z");
            if (found.Success)
            {
                string unit = found.Groups[2].Value;
                long ms = long.Parse(found.Groups[1].Value) * (unit == "ms" ? 1 : unit == "s" ? 1000 : 60000);
                if (ms >= 100 && ms <= 60000) return (int)ms;
            }
            throw Misread(option + ": Write a duration from \"100ms\" to \"1m\".");
        }

        static KnockError Both(string one, string other)
        {
            return Usage("Cannot read the command line: " + one + " cannot be used with " + other + ": give one of them");
        }

        void ReadArguments(string[] arguments)
        {
            bool only = false;
            List<string> given = new List<string>(), rest = new List<string>(arguments);
            for (int i = 0; i < rest.Count; i++)
            {
                string option = rest[i], value = null;
                int sign = option.IndexOf('=');
                if (only || option == "-" || !option.StartsWith("-", StringComparison.Ordinal))
                {
                    if (named == null) named = option; else words.Add(option);
                    continue;
                }
                if (Regex.IsMatch(option, "^-[46uvh][^-]")) // switches in one word: -uv
                {
                    rest.Insert(i + 1, "-" + option.Substring(2));
                    option = option.Substring(0, 2);
                }
                else if (option.StartsWith("--", StringComparison.Ordinal) && sign > 0)
                {
                    value = option.Substring(sign + 1);
                    option = option.Substring(0, sign);
                }
                else if (option.StartsWith("-d", StringComparison.Ordinal) && option.Length > 2)
                {
                    value = option.Substring(2);
                    option = "-d";
                }
                bool takesValue = Array.IndexOf(new string[] { "-d", "--delay", "--wait", "--tries", "--timeout", "--save", "--forget" }, option) >= 0;
                if (value != null && !takesValue) throw Misread("there is an option that it does not know");
                if (takesValue && value == null)
                {
                    if (++i == rest.Count) throw Misread(option + " needs a value");
                    value = rest[i];
                }
                string once = option == "-d" ? "--delay" : option;
                // A second value would silently take the place of the first.
                if (value != null && given.Contains(once)) throw Usage("Cannot read the command line: " + once + " is given twice: give it once");
                if (value != null) given.Add(once);
                switch (option)
                {
                    case "--": only = true; break;
                    case "-4": case "--ipv4": if (family == 6) throw Both("--ipv4", "--ipv6"); family = 4; break;
                    case "-6": case "--ipv6": if (family == 4) throw Both("--ipv6", "--ipv4"); family = 6; break;
                    case "-d": case "--delay": delay = Whole(option, value, 0, 60000); break;
                    case "-u": case "--udp": udp = true; break;
                    case "--wait": wait = Whole(option, value, 1, 65535); if (noWait) throw Both("--wait", "--no-wait"); break;
                    case "--no-wait": if (wait != 0) throw Both("--no-wait", "--wait"); noWait = true; break;
                    case "--tries": tries = Whole(option, value, 1, 20); break;
                    case "--timeout": timeoutMs = Duration(option, value); break;
                    case "--save": if (forget != null) throw Both("--save", "--forget"); save = value; break;
                    case "--force": force = true; break;
                    case "--forget": if (save != null) throw Both("--forget", "--save"); forget = value; break;
                    case "--json": json = true; break;
                    case "-v": case "--verbose": verbose = true; break;
                    case "-h": case "--help": help = true; break;
                    default: throw Misread("there is an option that it does not know"); // not quoted: a link torn apart may stand there
                }
            }
            if (force && save == null && !help) throw Usage("Cannot read the command line: --force is for --save, and there is none: leave it out, or add --save NAME");
        }

        void Act()
        {
            if (help) result.Lines.Add(Help);
            else if (save != null) Save();
            else if (forget != null)
            {
                if (named != null) throw Usage("Cannot forget slots: more than one profile is named: name one, behind --forget");
                Profile profile = Open(forget);
                new Slots(slots, profile).ForgetAhead(NowSeconds());
                result.Lines.Add("Forgot the slots used ahead of this computer's clock for " + profile.Door + " on " + profile.Host);
            }
            else if (named == null)
            {
                List<string> saved = List();
                if (saved.Count > 0) throw Usage("Cannot knock: no profile is named: name one of " + string.Join(", ", saved));
                throw Usage("Cannot knock: no profile is named: save one with \"" + Self + " --save NAME\", or name a host and its ports");
            }
            else if (words.Count == 0) KnockProfile();
            else KnockHost();
        }

        // --- Profiles

        static bool IsName(string text)
        {
            // Shorter than a key in base32, so that a key typed in place of a name is never quoted.
            return Regex.IsMatch(text, @"\A[A-Za-z0-9][A-Za-z0-9._-]{0,31}\z");
        }

        static void CheckName(string name, string action)
        {
            if (IsName(name)) return;
            throw Usage("Cannot " + action + ": its name is not valid: use up to 32 letters, digits, \".\", \"_\" and \"-\", a letter or digit first");
        }

        List<string> List()
        {
            List<string> names = new List<string>();
            string[] paths;
            try { paths = Directory.GetFiles(profiles); }
            catch (DirectoryNotFoundException) { return names; }
            // There are profiles in it.
            catch (UnauthorizedAccessException) { throw new KnockError("Cannot read " + profiles + ": permission denied: make it a folder of yours", 78); }
            catch (IOException error) { throw new KnockError("Cannot read " + profiles + ": " + error.Message.TrimEnd('.') + ": make it a folder of yours", 78); }
            foreach (string path in paths)
            {
                if (IsName(Path.GetFileName(path))) names.Add(Path.GetFileName(path));
            }
            names.Sort(StringComparer.Ordinal);
            return names;
        }

        string ReadInput()
        {
            string text = input;
            if (text == null && !Console.IsInputRedirected)
            {
                Console.Error.Write("Profile link (not shown): ");
                StringBuilder typed = new StringBuilder();
                while (true)
                {
                    ConsoleKeyInfo key = Console.ReadKey(true);
                    // A line end with more text right behind it was pasted.
                    if (key.Key == ConsoleKey.Enter && !Console.KeyAvailable) break;
                    if (key.Key == ConsoleKey.Backspace) { if (typed.Length > 0) typed.Length--; }
                    else typed.Append(key.Key == ConsoleKey.Enter ? '\n' : key.KeyChar);
                }
                Console.Error.WriteLine();
                text = typed.ToString();
            }
            else if (text == null)
            {
                char[] buffer = new char[LinkLength + 1];
                try { text = new string(buffer, 0, Console.In.ReadBlock(buffer, 0, buffer.Length)); }
                catch (IOException error) { throw Profile.Refuse("standard input: " + error.Message.TrimEnd('.') + ": pipe the link in"); }
            }
            if (text.Length > LinkLength) throw Profile.Refuse("standard input is longer than any link: give it the link alone");
            return Profile.Pick(text);
        }

        static void RefuseLink(string argument)
        {
            if (Regex.IsMatch(argument, "^rks[0-9]|://|key=", RegexOptions.IgnoreCase))
            {
                throw Usage("Cannot use a link on the command line: other users can see it there: pipe it in and write \"-\", or store it with \"" + Self + " --save NAME\"");
            }
        }

        /// Before it is looked up: name servers would read a key. It is quoted nowhere.
        static void CheckHost(string host)
        {
            if (Regex.IsMatch(host, @"\A\z|[\s\p{Cc}/@]|\A[^:]*:[^:]*\z")) throw Usage("Cannot look up the host: it is none: write a name or an address alone, without a user or a port");
            if (Regex.IsMatch(host, @"\A[A-Za-z2-7]{52}=*\z")) throw Usage("Cannot look up the host: it looks like a key: write a host there, and save the whole link with \"" + Self + " --save NAME\"");
        }

        Profile Open(string argument)
        {
            if (argument == "-") return Profile.Read(ReadInput());
            RefuseLink(argument);
            CheckName(argument, "find the profile");
            string path = Path.Combine(profiles, argument);
            string link;
            try
            {
                if (!File.Exists(path))
                {
                    List<string> saved = List();
                    string known = saved.Count == 0 ? "no profile is saved" : "saved are " + string.Join(", ", saved);
                    throw Usage("Cannot find the profile \"" + argument + "\": " + known + ": save its link with \"" + Self + " --save " + argument + "\"; for a fixed sequence, name the ports after the host");
                }
                link = File.ReadAllText(path);
            }
            catch (UnauthorizedAccessException)
            {
                throw new KnockError("Cannot read " + path + ": permission denied: make it a file of yours", 78);
            }
            catch (IOException error)
            {
                throw new KnockError("Cannot read " + path + ": " + error.Message.TrimEnd('.') + ": make it a file of yours", 78);
            }
            try { return Profile.Read(link); }
            catch (KnockError error) { throw new KnockError("Cannot use " + path + ": " + error.Message, 78); }
        }

        void Save()
        {
            if (named != null && named != "-") throw Usage("Cannot save a link from the command line: other users could see it there: leave it out, and paste or pipe it in when asked");
            // Checked before the link is asked for, so that nobody has to paste it twice.
            CheckName(save, "save the profile");
            Profile profile = Profile.Read(ReadInput());
            string path = Path.Combine(profiles, save), draft = Path.Combine(profiles, "." + Guid.NewGuid());
            try
            {
                Directory.CreateDirectory(profiles);
                File.WriteAllText(draft, profile.Format() + "\n");
                if (force && File.Exists(path)) File.Replace(draft, path, null);
                else File.Move(draft, path); // refuses a name that exists
            }
            catch (Exception error)
            {
                if (File.Exists(draft)) File.Delete(draft);
                if (File.Exists(path) && !force) throw new KnockError("Cannot save the profile \"" + save + "\": " + path + " exists: add --force to replace it, or choose another name");
                throw new KnockError("Cannot save the profile \"" + save + "\": " + error.Message.TrimEnd('.') + ": make " + profiles + " writable, or name another folder in XDG_CONFIG_HOME");
            }
            result.Lines.Add("Saved " + profile.Door + " on " + profile.Host + " in " + path);
            string reason = Addresses.MissingZone(profile.Host);
            if (reason != null) Note(profile.Host + " cannot be knocked on as it is: " + reason);
            result.Lines.Add("Knock with: " + Self + " " + save);
        }

        // --- Slots

        static double NowSeconds() { return (DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc)).TotalSeconds; }

        static string ShownTime() { return DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC"; }

        static string Roughly(long seconds)
        {
            if (seconds < 120) return seconds + " seconds";
            if (seconds < 7200) return (seconds + 30) / 60 + " minutes";
            return seconds < 172800 ? (seconds + 1800) / 3600 + " hours" : (seconds + 43200) / 86400 + " days";
        }

        /// A slot that is now marked used; or -1, with the seconds to wait before the next call.
        static long TakeSlot(Profile profile, Slots store, out double waitSeconds)
        {
            while (true)
            {
                double now = NowSeconds();
                waitSeconds = 0;
                long present = (long)Math.Floor(now / profile.Step);
                long slot = Math.Max(present, store.Last() + 1), until = slot - 1;
                if (slot > present + 1)
                {
                    if (until - present > 2)
                    {
                        throw new KnockError("Cannot knock for " + profile.Door + " on " + profile.Host + ": the last knock from here was " + Roughly((slot - 1 - present) * profile.Step)
                            + " ahead of this computer's clock (" + ShownTime() + "): set the clock right; if it is right now and was wrong then, run \"" + Self + " --forget PROFILE\" once");
                    }
                    waitSeconds = until * profile.Step - now;
                    return -1;
                }
                // Another knock may take it between the choice and the claim; the next choice is then a later one.
                if (store.Claim(slot)) return slot;
            }
        }

        // --- Knocking

        void Shuffle(List<int> order, int from, int count)
        {
            for (int i = count - 1; i > 0; i--)
            {
                int j = random.Next(i + 1), kept = order[from + i];
                order[from + i] = order[from + j];
                order[from + j] = kept;
            }
        }

        /// Every port twice: all in random order, then all again with the halves of that order shuffled anew.
        List<PortRange> SendingOrder(List<int> ports, string proto)
        {
            List<int> order = new List<int>(ports);
            Shuffle(order, 0, ports.Count);
            order.AddRange(order.ToArray());
            Shuffle(order, ports.Count, ports.Count / 2);
            Shuffle(order, ports.Count + ports.Count / 2, ports.Count - ports.Count / 2);
            return order.ConvertAll(delegate (int port) { return new PortRange { Proto = proto, From = port, To = port }; });
        }

        static List<Socket> Send(Target target, List<PortRange> knocks, int gapMs)
        {
            List<Socket> held = new List<Socket>();
            List<long> since = new List<long>();
            Stopwatch watch = Stopwatch.StartNew();
            for (int i = 0; i < knocks.Count; i++)
            {
                if (i > 0 && gapMs > 0) Thread.Sleep(gapMs);
                while (since.Count > 0 && watch.ElapsedMilliseconds - since[0] > HoldMs)
                {
                    held[0].Close();
                    held.RemoveAt(0);
                    since.RemoveAt(0);
                }
                if (knocks[i].Proto == "tcp")
                {
                    Socket begun = Probes.Begin(target, knocks[i].From);
                    if (begun == null) continue;
                    held.Add(begun);
                    since.Add(watch.ElapsedMilliseconds);
                    continue;
                }
                try
                {
                    using (Socket sender = new Socket(target.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp)) sender.SendTo(new byte[1], new IPEndPoint(target.Address, knocks[i].From));
                }
                catch (SocketException error)
                {
                    throw new KnockError("Cannot send a UDP knock to " + target.Text + ": " + error.Message.TrimEnd('.') + ": check this computer's network and its own firewall");
                }
            }
            return held;
        }

        static void Close(List<Socket> held)
        {
            foreach (Socket one in held) one.Close();
            held.Clear();
        }

        /// The last packets must leave first.
        static void Release(List<Socket> held)
        {
            if (held.Count > 0) Thread.Sleep(HoldMs);
            Close(held);
        }

        /// Whether the port answers within so many milliseconds. Attempts still held are closed before their SYN is repeated.
        static bool AwaitOpen(Probes probes, int ms, List<Socket> held)
        {
            Stopwatch watch = Stopwatch.StartNew();
            for (int number = 0; ; number++)
            {
                int at = number < ProbesAt.Length ? ProbesAt[number] : ProbesAt[ProbesAt.Length - 1] + 1000 * (number - ProbesAt.Length + 1);
                int until = Math.Min(at, ms);
                while (watch.ElapsedMilliseconds < until)
                {
                    if (watch.ElapsedMilliseconds > HoldMs) Close(held);
                    if (probes.Wait((int)Math.Min(until - watch.ElapsedMilliseconds, HoldMs))) return true;
                }
                if (at >= ms) return false;
                probes.Start();
            }
        }

        class Seen { public Target Target; public string Before, After; public bool Changed { get { return Before == "silent" && After == "refused"; } } }

        delegate List<PortRange> Next(out double waitSeconds);

        Outcome Attempt(string host, Next next, int gapMs, int port)
        {
            Stopwatch all = Stopwatch.StartNew(), since = Stopwatch.StartNew();
            List<Target> targets = Target.Find(host, family);
            List<Seen> seen = new List<Seen>();
            for (int attempt = 1; ; attempt++)
            {
                Target target = targets[(attempt - 1) % targets.Count];
                Seen known = seen.Find(delegate (Seen one) { return one.Target == target; });
                bool probed = port == 0, told = false;
                double waitSeconds;
                List<PortRange> knocks;
                while ((knocks = next(out waitSeconds)) == null)
                {
                    if (seen.Exists(delegate (Seen one) { return one.Changed; })) return Failed(seen, port, attempt - 1, all, since);
                    if (!probed)
                    {
                        // Slots run out when somebody connects often; the door of the last knock is then still open.
                        Probes looks = new Probes(target, port);
                        bool isOpen = AwaitOpen(looks, (int)Math.Min(Math.Max(10, waitSeconds * 1000), timeoutMs), new List<Socket>());
                        looks.End();
                        if (isOpen)
                        {
                            return Ended("open", target, port, known == null ? "open" : known.Before, attempt - 1, all, since);
                        }
                        probed = true;
                        continue;
                    }
                    if (!told) Note("waiting " + Math.Ceiling(waitSeconds) + " s for a new slot: each opens only once");
                    told = true;
                    // The clock may be set meanwhile, or another knock may take the slot.
                    Thread.Sleep((int)Math.Min(waitSeconds * 1000 + 1, 1000));
                }
                Probes probes = new Probes(target, port);
                bool stands = false;
                if (port != 0)
                {
                    probes.StartBefore();
                    stands = probes.Wait(5); // a probe must not be overtaken by the knock
                }
                since.Restart();
                List<Socket> held;
                try { held = Send(target, knocks, gapMs); }
                catch (KnockError) { probes.End(); throw; }
                if (verbose) Note("knock " + attempt + " sent to " + target.Text);
                if (port == 0)
                {
                    Outcome sent = Ended("sent", target, 0, null, attempt, all, since);
                    Release(held);
                    return sent;
                }
                if (!stands) stands = AwaitOpen(probes, timeoutMs, held);
                string before = known == null ? probes.Before : known.Before;
                Outcome open = Ended("open", target, port, before, attempt, all, since);
                probes.End();
                Release(held);
                if (stands) return open;
                string after = probes.Refused ? "refused" : "silent";
                if (known != null) seen.Remove(known);
                seen.Add(new Seen { Target = target, Before = before, After = after });
                if (verbose) Note("knock " + attempt + ": " + (after == "refused" ? target.Text + " refuses the connection" : "no answer from " + target.Text));
                if (attempt >= tries) return Failed(seen, port, attempt, all, since);
            }
        }

        static Outcome Ended(string state, Target target, int port, string before, int attempts, Stopwatch all, Stopwatch since)
        {
            return new Outcome { State = state, Target = target, Port = port, Before = before, Attempts = attempts, ElapsedMs = all.Elapsed.TotalMilliseconds, SinceMs = since.Elapsed.TotalMilliseconds };
        }

        static Outcome Failed(List<Seen> seen, int port, int attempts, Stopwatch all, Stopwatch since)
        {
            Seen telling = seen.Find(delegate (Seen one) { return one.Changed; })
                ?? seen.FindLast(delegate (Seen one) { return one.After == "refused"; }) ?? seen[seen.Count - 1];
            return Ended(telling.After == "refused" ? "refused" : "silent", telling.Target, port, telling.Before, attempts, all, since);
        }

        // --- Messages: those of `sallyport knock`

        static string Describe(string what, Outcome outcome, string checks)
        {
            string where = what.EndsWith(outcome.Target.Text, StringComparison.Ordinal) ? what : what + " (" + outcome.Target.Text + ")";
            string port = outcome.Port + "/tcp", sent = outcome.Attempts == 1 ? "1 knock sent" : outcome.Attempts + " knocks sent";
            const string Ask = "on the server, \"sallyport why\" with the address you come from";
            if (outcome.State == "sent") return where + ": knock sent, without waiting for an answer";
            if (outcome.State == "open")
            {
                if (outcome.Attempts == 0) return where + ": " + port + " is open already";
                if (outcome.Before == "open") return where + ": " + port + " is open, and was open before the knock: from here nobody can tell whether the knock was believed";
                return where + ": " + port + " open after " + Math.Ceiling(outcome.SinceMs) + " ms" + (outcome.Attempts == 1 ? "" : ", at knock " + outcome.Attempts);
            }
            if (outcome.State == "silent") return "Cannot open " + what + ": " + sent + " and " + port + " still does not answer: check " + checks + " and, " + Ask;
            string said = outcome.Before == "silent"
                ? port + ", silent before, refuses now: the door may be open and nothing answers behind it: check that the service runs there"
                : port + " refuses as it did before: either the door did not open, or nothing answers behind it: check that the service runs there, " + checks;
            return "Cannot reach " + what + ": " + sent + " and " + said + " and, " + Ask;
        }

        static string Quoted(string text) { return "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""; }

        void Print(string host, string door, Outcome outcome, string line)
        {
            bool failed = outcome.State == "silent" || outcome.State == "refused";
            if (json)
            {
                List<string> facts = new List<string>();
                facts.Add("\"host\": " + Quoted(host));
                if (door != null) facts.Add("\"door\": " + Quoted(door));
                facts.Add("\"state\": " + Quoted(outcome.State));
                facts.Add("\"address\": " + Quoted(outcome.Target.Text));
                if (outcome.Port != 0)
                {
                    facts.Add("\"port\": " + outcome.Port);
                    facts.Add("\"before\": " + Quoted(outcome.Before));
                }
                facts.Add("\"attempts\": " + outcome.Attempts);
                facts.Add("\"sinceKnockMs\": " + Math.Ceiling(outcome.SinceMs));
                facts.Add("\"elapsedMs\": " + Math.Ceiling(outcome.ElapsedMs));
                result.Lines.Add("{\n  " + string.Join(",\n  ", facts) + "\n}");
            }
            else if (!failed) result.Lines.Add(line);
            if (failed) throw new KnockError(line);
        }

        void KnockProfile()
        {
            if (udp) throw Usage("Cannot use --udp with a profile: the profile says which protocol its door hears");
            Profile profile = Open(named);
            int gapMs = Math.Max(0, delay);
            double seconds = (profile.N * Copies - 1) * gapMs / 1000.0;
            if (seconds > WindowSeconds) Note("with this delay a knock takes " + Math.Ceiling(seconds) + " s, and servers wait " + WindowSeconds + " s for the whole of it unless told otherwise: use a smaller --delay");
            int port = noWait ? 0 : wait != 0 ? wait : profile.TcpPort;
            if (!noWait && port == 0) Note("the link of " + profile.Door + " names no TCP port to wait for: sending one knock");
            Slots store = new Slots(slots, profile);
            Outcome outcome = Attempt(profile.Host, delegate (out double waitSeconds)
            {
                long slot = TakeSlot(profile, store, out waitSeconds);
                return slot < 0 ? null : SendingOrder(Rks.Ports(profile.Key, profile.Door, profile.Lo, profile.Hi, profile.N, slot), profile.Proto);
            }, gapMs, port);
            string checks = "this computer's clock (" + ShownTime() + "), the network (" + profile.Proto.ToUpperInvariant() + " to ports " + profile.Lo + "-" + profile.Hi + " may be filtered)";
            Print(profile.Host, profile.Door, outcome, Describe(profile.Door + " on " + profile.Host, outcome, checks));
        }

        /// A profile's name with ports behind it is a host's, which is seldom meant.
        void NoteProfile(string host, List<PortRange> sequence)
        {
            if (!IsName(host) || !File.Exists(Path.Combine(profiles, host))) return;
            string waits = sequence.Count == 1 && sequence[0].Proto == "tcp" ? " --wait " + sequence[0].From : "";
            Note("with ports behind it, \"" + host + "\" is a host: to knock with the profile of that name, run \"" + Self + " " + host + waits + "\"");
        }

        void KnockHost()
        {
            RefuseLink(named); // before its name is looked up: name servers would read the key
            CheckHost(named);
            List<PortRange> sequence = new List<PortRange>();
            foreach (string word in words)
            {
                PortRange port = PortRange.Read(word);
                // Longer words are not quoted: a link torn apart by the shell may be among them.
                if (port == null || port.From != port.To) throw Usage("Cannot read the port" + (word.Length <= 12 ? " \"" + word + "\"" : "") + ": write 7000, 8000:udp or 8000/udp, from 1 to 65535");
                if (udp) port.Proto = "udp";
                sequence.Add(port);
            }
            NoteProfile(named, sequence);
            Outcome outcome = Attempt(named, delegate (out double waitSeconds) { waitSeconds = 0; return sequence; }, delay < 0 ? FixedGapMs : delay, noWait ? 0 : wait);
            Print(named, null, outcome, Describe(named, outcome, "the sequence and its order, the network (the knocked ports may be filtered, or knocks overtake each other: try --delay 100)"));
        }
    }
}
'@

if ($PSVersionTable.PSVersion.Major -ge 6 -and -not $IsWindows) {
    [Console]::Error.WriteLine('sallyport-knock.ps1: Cannot knock: this client keeps its files as Windows does: use sallyport-knock.sh here')
    exit 1
}
# Warnings differ between compilers, and Windows PowerShell takes them for errors.
if (-not ('Sallyport.Knock' -as [type])) { Add-Type -TypeDefinition $source -IgnoreWarnings }

$words = [string[]]@($args | ForEach-Object { [string]$_ })
$piped = @($input)
if ($piped.Count -gt 0) {
    $result = [Sallyport.Knock]::Run($words, ($piped -join "`n"))
} else {
    $result = [Sallyport.Knock]::Run($words)
}
$result.Lines
exit $result.Code
