// <kb-passkey data-does="create|get" (data-options="id of a json script" | data-from="address")>: a form whose button
// asks the browser for a passkey and posts what it gives in the field `credential`. Nothing secret leaves the device.
const toBytes = (text) => {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain + "=".repeat((4 - (plain.length % 4)) % 4)), (one) => one.charCodeAt(0)).buffer;
};
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function decoded(options) {
  const key = structuredClone(options.publicKey);
  key.challenge = toBytes(key.challenge);
  if (key.user) key.user.id = toBytes(key.user.id);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    for (const one of key[list] ?? []) one.id = toBytes(one.id);
  }
  return { publicKey: key };
}

function encoded(credential) {
  const given = credential.response;
  const response = { clientDataJSON: toText(given.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (given[name]) response[name] = toText(given[name]);
  }
  if (given.getTransports) response.transports = given.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

class Passkey extends HTMLElement {
  connectedCallback() {
    if (!window.PublicKeyCredential) {
      this.hidden = true;
      return;
    }
    this.hidden = false;
    this.form = this.querySelector("form");
    this.button = this.form.querySelector("button[type=button]");
    this.button.addEventListener("click", () => this.ask());
  }

  async options() {
    if (this.dataset.options) return JSON.parse(document.getElementById(this.dataset.options).textContent);
    const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
    const answer = await fetch(this.dataset.from, { headers });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async ask() {
    this.button.disabled = true;
    try {
      const data = await this.options();
      const creates = this.dataset.does === "create";
      const options = decoded(creates ? data.creation_options : data.request_options);
      if (creates && this.form.elements.passwordless?.checked) {
        options.publicKey.authenticatorSelection = {
          ...options.publicKey.authenticatorSelection,
          residentKey: "required",
          requireResidentKey: true,
          userVerification: "required",
        };
      }
      const made = await navigator.credentials[creates ? "create" : "get"](options);
      this.form.elements.credential.value = JSON.stringify(encoded(made));
      this.form.submit();
    } catch {
      this.say(this.dataset.failed);
    } finally {
      this.button.disabled = false;
    }
  }

  say(text) {
    this.note ??= this.appendChild(document.createElement("p"));
    this.note.className = "hint";
    this.note.setAttribute("role", "alert");
    this.note.textContent = text;
  }
}

customElements.define("kb-passkey", Passkey);
