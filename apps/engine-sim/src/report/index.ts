export { fileSystemOf } from '../measure/file-system.js';
export {
  type ReportDocument,
  type ReportFigure,
  type ReportSection,
  type ReportTable,
  renderReport,
} from './report-document.js';
