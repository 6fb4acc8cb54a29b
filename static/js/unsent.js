// The page of a form that couldn't be sent.
import "./form-token.js";
import "./typed.js";
