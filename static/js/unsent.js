// The page of a form that couldn't be sent.
import "./form-token.js";
import { startTyped } from "./typed.js";

startTyped();
