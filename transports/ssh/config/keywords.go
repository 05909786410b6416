package config

import (
	"runtime"
	"strings"
)

// isKeyword tells whether OpenSSH's client takes an option, in lower case: those of ssh_config(5) up to OpenSSH 10, those
// that it still accepts without effect, and those that distributions add.
func isKeyword(keyword string) bool {
	if keyword == "usekeychain" {
		return runtime.GOOS == "darwin" // Apple's own
	}
	return strings.Contains(keywords, " "+keyword+" ")
}

const keywords = " addkeystoagent addressfamily afstokenpassing batchmode bindaddress bindinterface canonicaldomains " +
	"canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots canonicalizepermittedcnames casignaturealgorithms " +
	"certificatefile challengeresponseauthentication channeltimeout checkhostip cipher ciphers clearallforwardings compression " +
	"compressionlevel connectionattempts connecttimeout controlmaster controlpath controlpersist dsaauthentication " +
	"dynamicforward enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash " +
	"forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile " +
	"globalknownhostsfile2 gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms " +
	"gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns hashknownhosts hostbasedacceptedalgorithms " +
	"hostbasedauthentication hostbasedkeytypes hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent " +
	"identityfile identityfile2 ignoreunknown ipqos kbdinteractiveauthentication kbdinteractivedevices keepalive " +
	"kerberosauthentication kerberostgtpassing kexalgorithms knownhostscommand localcommand localforward loglevel logverbose " +
	"macs nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming passwordauthentication " +
	"permitlocalcommand permitremoteopen pkcs11provider port preferredauthentications protocol protocolkeepalives proxycommand proxyjump " +
	"proxyusefdpass pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication rekeylimit remotecommand " +
	"remoteforward requesttty requiredrsasize revokedhostkeys rhostsauthentication rhostsrsaauthentication rsaauthentication " +
	"securitykeyprovider sendenv serveralivecountmax serveraliveinterval sessiontype setenv setuptimeout skeyauthentication " +
	"smartcarddevice stdinnull streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility tag " +
	"tcpkeepalive tisauthentication tunnel tunneldevice updatehostkeys useblacklistedkeys useprivilegedport user userknownhostsfile " +
	"userknownhostsfile2 useroaming usersh verifyhostkeydns versionaddendum visualhostkey warnweakcrypto xauthlocation refuseconnection "
